"""Keeps the processes of one `python -m worker` together, so that none outlives the others; Linux only."""

import ctypes
import os
import signal
import sys
from pathlib import Path

# From <linux/prctl.h>.
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None


def die_with_parent() -> None:
    """Have this process get a SIGTERM when its parent dies, however it dies; this survives an exec."""
    if _PRCTL:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)


def adopt_orphans() -> None:
    """Become the parent of any process below this one that loses its own."""
    if _PRCTL:
        _PRCTL(_PR_SET_CHILD_SUBREAPER, 1)


def end_descendants() -> None:
    """Kill every process below this one."""
    while children := _children(os.getpid()):
        for pid in children:
            os.kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)


def _children(parent: int) -> list[int]:
    """List a process's children; those of a killed child come next, being adopted."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name_and_rest = stat.read_text().rpartition(")")
        except OSError:  # it has ended meanwhile
            continue
        if int(name_and_rest[2].split()[1]) == parent:
            found.append(int(stat.parent.name))
    return found
