"""Tests that tell when they begin and wait until they are let go: `tests/live/gate.py` is the other side."""

import os
import time
from pathlib import Path

from smoketest import SmokeTest


def parent_of(pid):
    """Return the parent's id: above a runner stands its warden, above that the pool's process."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]


def tell(name):
    """Tell that something has begun, and return the folder of the gate."""
    gate = Path(os.environ["SMOKETEST_TEST_GATE"])
    with (gate / "begun").open("a") as begun:
        begun.write(f"{name} {os.getpid()} {parent_of(os.getppid())}\n")
    return gate


class AtGateTest(SmokeTest):
    abstract = True

    def wait(self, seconds=50):
        if "SMOKETEST_TEST_GATE" not in os.environ:
            self.skipTest("there is no gate")
        name = self.id().rpartition(".")[2]
        gate = tell(name)
        until = time.monotonic() + seconds
        while not (gate / name).exists() and not (gate / "all").exists():
            self.assertLess(time.monotonic(), until, "nobody has let it go")
            time.sleep(0.01)


class GatedTest(AtGateTest):
    def test_a(self):
        self.wait()

    def test_b(self):
        self.wait()

    def test_c(self):
        self.wait()

    def test_d(self):
        self.wait()

    def test_e(self):
        self.wait()

    def test_f(self):
        self.wait()
