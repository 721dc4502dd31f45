"""What a new process must not have of the one that started it."""

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
from pathlib import Path
from types import FrameType

_OOM_SCORE = Path("/proc/self/oom_score_adj")
_KILL_FIRST = "1000"


def clean_process(*, keep_fds: tuple[int, ...], at_termination: signal.Handlers = signal.SIG_DFL) -> None:
    """Share neither files and sockets nor signal handlers with the process that started this one."""
    _void_all_but({0, 1, 2, *keep_fds})
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # as in any Python process: writing raises BrokenPipeError
    signal.signal(signal.SIGTERM, at_termination)
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


def outlive_termination() -> None:
    """Let no SIGTERM end this process, which one that is sent to all of a service reaches too: its supervisor does.

    What it forks or executes dies of one as ever.
    """
    signal.signal(signal.SIGTERM, _go_on)
    masks: list[set[int]] = []

    def unblock() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, masks.pop())

    def end_as_ever() -> None:
        if signal.getsignal(signal.SIGTERM) is _go_on:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        unblock()

    os.register_at_fork(
        # One that comes before the handler is off would be lost.
        before=lambda: masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})),
        after_in_parent=unblock,
        after_in_child=end_as_ever,
    )


def _go_on(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: unlike an ignored signal this is not handed on to programs that are executed."""


def be_killed_first() -> None:
    """Let the kernel, when it runs out of memory, kill this process rather than a worker or a server; Linux."""
    with contextlib.suppress(OSError):
        _OOM_SCORE.write_text(_KILL_FIRST)


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
