"""Tests that wait for something outside, in the folder SMOKETEST_TEST_WAITS, and print where they shouldn't."""

import os
import subprocess
import sys
import time
from pathlib import Path

from smoketest import SmokeTest, slow, timeout

print("printed by a smoke module as it loads")


def folder():
    return Path(os.environ["SMOKETEST_TEST_WAITS"])


def wait_for(name):
    while not (folder() / name).exists():
        time.sleep(0.01)


@timeout(60)
class MeetTest(SmokeTest):
    def test_a_meets_b(self):
        (folder() / "a").touch()
        wait_for("b")

    def test_b_meets_a(self):
        (folder() / "b").touch()
        wait_for("a")


class NoisyTest(SmokeTest):
    def test_writes_past_python(self):
        os.write(1, b"past Python\n")
        subprocess.run([sys.executable, "-c", "print('by another process')"], check=True)


@slow
class GateTest(SmokeTest):
    @timeout(60)
    def test_waits_at_the_gate(self):
        with (folder() / "arrivals").open("a") as file:
            file.write("arrived\n")
        wait_for("gate")
        self.assertFalse((folder() / "broken").exists())


@slow
class LastTest(SmokeTest):
    def test_is_last(self):
        self.assertFalse((folder() / "last-broken").exists())
