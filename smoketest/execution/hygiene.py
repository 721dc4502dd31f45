"""What a forked process must not have of its parent."""

import contextlib
import ctypes
import multiprocessing
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import ClassVar

_PR_SET_PDEATHSIG = 1
"""https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html"""


def clean_process(parent: int, *, keep_fds: tuple[int, ...]) -> None:
    """Die with the parent, and share neither its files and sockets nor its signal handlers."""
    _die_with(parent)
    _void_all_but({0, 1, 2, *keep_fds})
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as in any Python process: writing raises BrokenPipeError
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    # A worker's own streams may log what is written; here they are the process' plain output.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
    # A pool's child may be daemonic, and a daemonic process may start none of its own.
    multiprocessing.current_process()._config["daemon"] = False  # type: ignore[attr-defined] # noqa: SLF001


def _die_with(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(0)


def _void_all_but(kept: set[int]) -> None:
    """Let every other open descriptor be of /dev/null.

    Closed, its number would be given to the next file that is opened, a database perhaps, while objects that came
    along with the fork (log handlers, broker connections) still write to it.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    for fd in _open_descriptors():
        if fd not in kept and fd != nothing:
            with contextlib.suppress(OSError):
                os.fstat(fd)
                os.dup2(nothing, fd, inheritable=False)


def _open_descriptors() -> list[int]:
    for listing in ("/proc/self/fd", "/dev/fd"):
        with contextlib.suppress(OSError):
            return [int(path.name) for path in Path(listing).iterdir()]
    return list(range(min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 4096)))


class Belongings:
    """What of the process a test may have changed and must be as it was for the next."""

    _TIMERS: ClassVar = {name: getattr(signal, name) for name in ("ITIMER_REAL", "ITIMER_VIRTUAL", "ITIMER_PROF")}
    _SIGNALS = sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})

    def __init__(self) -> None:
        """Remember how it is now."""
        self._directory = _directory()
        self._environment = dict(os.environ)
        self._handlers = {number: signal.getsignal(number) for number in self._SIGNALS}
        self._path = list(sys.path)
        self._umask = os.umask(0o22)
        os.umask(self._umask)
        self._socket_timeout = socket.getdefaulttimeout()

    def stop_timers(self) -> list[str]:
        """Stop the timers that would interrupt the next test; return what is to be told."""
        running = [name for name, timer in self._TIMERS.items() if signal.setitimer(timer, 0)[0]]
        return [f"left behind and stopped: the timer {name}" for name in running]

    def put_back(self) -> list[str]:
        """Let it be as it was; return what is to be told."""
        told = [*self.stop_timers(), *self._put_back_environment(), *self._put_back_handlers()]
        if sys.path != self._path:
            told.append("changed and put back: sys.path")
            sys.path[:] = self._path
        if os.umask(self._umask) != self._umask:
            told.append("changed and put back: the umask")
        if socket.getdefaulttimeout() != self._socket_timeout:
            told.append("changed and put back: the default timeout of sockets")
            socket.setdefaulttimeout(self._socket_timeout)
        return told

    def _put_back_environment(self) -> list[str]:
        told = []
        if _directory() != self._directory:
            told.append("changed and put back: the working directory")
            with contextlib.suppress(OSError):
                os.chdir(self._directory)
        now = dict(os.environ)
        if names := sorted(
            name for name in now.keys() | self._environment if now.get(name) != self._environment.get(name)
        ):
            told.append(f"changed and put back: the environment's {', '.join(names)}")
            os.environ.clear()
            os.environ.update(self._environment)
        return told

    def _put_back_handlers(self) -> list[str]:
        changed = [number for number, handler in self._handlers.items() if signal.getsignal(number) is not handler]
        for number in changed:
            signal.signal(number, self._handlers[number])
        names = {each.value: each.name for each in signal.Signals}  # not all real-time signals have one
        return [f"changed and put back: the handler of signal {names.get(number, number)}" for number in changed]


def _directory() -> str:
    with contextlib.suppress(OSError):
        return os.getcwd()  # noqa: PTH109 (a str is what chdir wants)
    return ""
