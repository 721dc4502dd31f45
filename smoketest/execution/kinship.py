"""Ties processes together, so that none outlives the one that answers for it."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

# From <linux/prctl.h>.
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
_PAUSE_SECONDS = 0.0005


def die_with(parent: int) -> None:
    """Have this process killed when its parent dies, on Linux, or the thread of it that has started this process."""
    if _PRCTL:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def live_on() -> None:
    """Take back `die_with`."""
    if _PRCTL:
        _PRCTL(_PR_SET_PDEATHSIG, 0)


def adopt_orphans() -> None:
    """Become the parent of every process below this one that loses its own, on Linux; a daemon does so on purpose.

    https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
    """
    if _PRCTL:
        _PRCTL(_PR_SET_CHILD_SUBREAPER, 1)


def watch_process(pid: int) -> int | None:
    """Return a descriptor that becomes readable when the process has ended, where there is such a thing."""
    with suppress(OSError, AttributeError):
        return os.pidfd_open(pid)
    return None


def is_child(pid: int, fd: int | None) -> bool:
    """Tell whether the child that `watch_process` answered `fd` for has this id still.

    When somebody else has reaped it anybody may get the id.
    """
    try:
        kind, which = (os.P_PID, pid) if fd is None else (os.P_PIDFD, fd)
        os.waitid(kind, which, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    except AttributeError:  # macOS before Python 3.13 can't be asked
        return True
    return True


def has_ended(pid: int) -> bool:
    """Tell whether a child has ended, without reaping it; no, where that can't be told."""
    try:
        return bool(os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT))
    except ChildProcessError:  # somebody else has reaped it
        return True
    except AttributeError:  # macOS before Python 3.13 can't be asked
        return False


def call_without_forks(call: Callable[[], object]) -> None:
    """Call it; a child that is forked meanwhile and comes back from it ends there, whatever it raises.

    It has the sockets of this process, those of databases say: whatever it tidied up on them it would do to its parent.
    """
    pid = os.getpid()
    try:
        call()
    finally:
        if os.getpid() != pid:
            os._exit(1)  # as failed: its parent must not take for success what it has not come to


def signal_group(pid: int, number: int) -> None:
    """Send a signal to the process, and to the group that it leads."""
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            kill(pid, number)


def reap(pid: int, seconds: float) -> int | None:
    """Wait so long for the end of a child and return its exit code; None: it has not ended, or nobody knows how."""
    until = time.monotonic() + seconds
    while True:
        try:
            ended, status = os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:  # somebody else has reaped it
            return None
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > until:
            return None
        time.sleep(_PAUSE_SECONDS)


def reap_adopted(own: Collection[int | None]) -> None:
    """Reap the children that have ended, up to the first that is among `own`: somebody is to ask how that ended."""
    with suppress(AttributeError, ChildProcessError):  # macOS, where none is adopted; there are no children
        while (ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)) and ended.si_pid not in own:
            os.waitpid(ended.si_pid, 0)


def end_children(seconds: float) -> None:
    """Kill all children, and theirs as they are adopted, until none is left.

    After so many seconds the rest is given up: one that hangs in the kernel goes when that lets it.
    """
    until = time.monotonic() + seconds
    while _reap_any() and time.monotonic() < until:
        for pid in _children():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)


def _reap_any() -> bool:
    """Reap what has ended; tell whether a child still lives."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _children() -> list[int]:
    """Return the ids of the children; elsewhere than on Linux nothing, nobody is adopted there."""
    mine, found = str(os.getpid()), []
    for pid in filter(str.isdigit, os.listdir("/proc") if _PRCTL else ()):  # noqa: PTH208 (names; a glob may raise)
        with suppress(OSError):  # it has ended meanwhile
            _state, parent, *_ = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
            found += [int(pid)] if parent == mine else []
    return found
