"""Tests take turns."""

import subprocess
import sys

from smoketest.clock import in_seconds
from smoketest.execution.turns import Turns
from tests.servers import ROOT

_FORK = """
import os, time
from smoketest.clock import in_seconds
from smoketest.execution.turns import Turns

turns = Turns()
turns.take("parent", in_seconds(1))
if child := os.fork():
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
else:
    os._exit(not turns.take("child", in_seconds(1)))
"""


def test_given_back_once():
    """A turn that two give back, its holder and whoever gave the test up, is not taken from the next holder."""
    turns = Turns()
    turns.take("first", in_seconds(1))
    turns.give_back("first")
    turns.take("second", in_seconds(1))

    turns.give_back("first")

    assert not turns.take("third", in_seconds(0.1))


def test_forked_process():
    """In a forked process nobody has the turn: the threads of its parent are not there."""
    ended = subprocess.run([sys.executable, "-c", _FORK], cwd=ROOT, check=True, capture_output=True, text=True)

    assert ended.stdout.strip() == "0"
