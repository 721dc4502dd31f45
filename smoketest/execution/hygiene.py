"""What a forked process must not have of its parent."""

import contextlib
import ctypes
import multiprocessing
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
"""https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html"""


def clean_process(parent: int, *, keep_fds: tuple[int, ...]) -> None:
    """Die with the parent, and share neither its files and sockets nor its signal handlers."""
    _die_with(parent)
    _close_all_but({0, 1, 2, *keep_fds})
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as in any Python process: writing raises BrokenPipeError
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    # A worker's own streams may log what is written; here they are the process' plain output.
    sys.stdin = open(os.devnull)  # noqa: SIM115, PTH123
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    # A pool's child may be daemonic, and a daemonic process may start none of its own.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined] # noqa: SLF001


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def _close_all_but(kept: set[int]) -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    first = 0
    for fd in [*sorted(kept), min(limit, 1 << 20)]:
        if first < fd:  # os.closerange(0, 0) closes everything: its upper end wraps around
            os.closerange(first, fd)
        first = fd + 1
