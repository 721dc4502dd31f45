"""Tests that misbehave in ways that only a process of their own survives. All slow: never run inline."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from smoketest import SmokeTest, slow, timeout


@slow
@timeout(0.5)
class HangTest(SmokeTest):
    def test_sleeps(self):
        time.sleep(600)

    def test_swallows_exceptions(self):
        while True:
            try:
                time.sleep(600)
            except Exception:
                pass

    def test_swallows_everything(self):  # pragma: no cover (killed)
        while True:
            try:
                time.sleep(600)
            except BaseException:
                pass

    def test_passes_too_late(self):
        try:
            time.sleep(600)
        except BaseException:
            pass

    def test_holds_the_interpreter(self):  # pragma: no cover (killed)
        sum(range(10**12))

    def test_leaves_a_process(self):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        time.sleep(600)


@slow
class CrashTest(SmokeTest):
    def test_exits_at_once(self):
        os._exit(3)

    def test_exits_as_if_all_were_well(self):
        os._exit(0)

    def test_segfaults(self):
        ctypes.string_at(0)

    def test_kills_itself(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def test_ends_by_a_signal_without_a_name(self):
        os.kill(os.getpid(), signal.SIGRTMIN + 1)

    def test_closes_all_files(self):
        os.closerange(3, 1024)

    def test_dies_while_its_child_lives(self):
        if os.fork() == 0:
            time.sleep(600)
        os._exit(4)


@slow
class LeftoverTest(SmokeTest):
    def test_a_leaves_directory_and_environment(self):
        os.chdir("/")
        os.environ["LEFT_BEHIND"] = "1"

    def test_b_finds_none_of_it(self):
        self.assertNotEqual(Path.cwd(), Path("/"))
        self.assertNotIn("LEFT_BEHIND", os.environ)

    def test_c_fork_comes_back(self):
        os.fork()

    def test_d_exits(self):
        sys.exit(7)

    def test_e_runs_out_of_memory(self):
        raise MemoryError

    def test_f_is_clean(self):
        pass
