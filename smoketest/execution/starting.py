"""Starts a warden: by fork where that is safe, by exec everywhere else."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from smoketest.execution import kinship, native
from smoketest.execution.channel import Channel, socketpair
from smoketest.execution.warden import FILES, REAP_SECONDS, Serve, live_as_warden

START_SECONDS = 60.0
"""How long a warden may take to come up: it imports smoke modules, a new program the whole project."""
_STILL_SECONDS = 1.0
_ANSWER_SECONDS = 1.0
_THREADS = Path("/proc/self/task")


class Warden:
    """A supervisor's hold on its warden; the process itself is in `warden.py`."""

    def __init__(self, pid: int, control_fd: int) -> None:
        """Take the process' id and its end of the socket."""
        self._pid = pid
        self._pid_fd = kinship.watch_process(pid)
        self._control = Channel(control_fd, control_fd, peer_fd=self._pid_fd)

    def begin(self, still: Callable[[], None]) -> tuple[int, Channel, int]:
        """Return the id of a new runner that is ready, its channel, and the file that it writes its stacks to.

        `still` is called each second until then, and must return quickly.
        Raises ChildProcessError when there is none to be had.
        """
        until = time.monotonic() + START_SECONDS
        try:
            self._control.send({"do": "begin"})
            answer = _receive(self._control, until, still)
            if "failure" in answer:
                raise ChildProcessError(answer["failure"])
            channel, stacks = self._receive_runner(answer["pid"], until, still)
        except (EOFError, TimeoutError, BrokenPipeError, ConnectionResetError, ValueError):
            message = "the process did not come up"
            raise ChildProcessError(message) from None
        return answer["pid"], channel, stacks

    def _receive_runner(self, pid: int, until: float, still: Callable[[], None]) -> tuple[Channel, int]:
        to_read, to_write, stacks = self._control.receive_files(FILES, until)
        channel = Channel(to_read, to_write, peer_fd=kinship.watch_process(pid))
        try:
            _receive(channel, until, still)
        except BaseException:
            channel.close()
            os.close(stacks)
            raise
        return channel, stacks

    def end(self, *, patience_seconds: float) -> int | None:
        """End the runner and all that has come of it.

        Return its exit code if it has ended by itself, before or within the patience. Raises ChildProcessError when
        the warden is no more; its runner is not either then.
        """
        until = time.monotonic() + patience_seconds + 2 * REAP_SECONDS + _ANSWER_SECONDS
        self._wake()
        try:
            self._control.send({"do": "end", "seconds": patience_seconds})
            exit_code: int | None = self._control.receive(until)["exit_code"]
        except (EOFError, OSError):
            message = "the process that watches over it was ended"
            raise ChildProcessError(message) from None
        return exit_code

    def close(self) -> None:
        """End the warden, its runner, and all that has come of that; nothing happens when they have ended."""
        self._wake()
        with contextlib.suppress(OSError):
            self._control.send({})
        if self._is_there() and kinship.reap(self._pid, 2 * REAP_SECONDS) is None and self._is_there():
            kinship.signal_group(self._pid, signal.SIGKILL)
            kinship.reap(self._pid, REAP_SECONDS)
        self._control.close()  # last: what tells whether it is there goes with it

    def _wake(self) -> None:
        """Let it go on where a test, which finds its id easily, has stopped it."""
        with contextlib.suppress(OSError):
            if self._is_there():
                os.kill(self._pid, signal.SIGCONT)

    def _is_there(self) -> bool:
        """Tell whether its id is its own: a project may have children reaped that it does not know of."""
        return kinship.is_child(self._pid, self._pid_fd)


def _receive(channel: Channel, until: float, still: Callable[[], None]) -> dict[str, Any]:
    while not channel.is_ready(now := time.monotonic() + _STILL_SECONDS) and now < until:
        still()
    return channel.receive(until)


def can_fork() -> bool:
    """Tell whether a fork is safe here: on Linux, where the process has one thread and no greenlets."""
    is_alone = sys.platform == "linux" and len(list(_THREADS.iterdir())) == 1
    return is_alone and not native.is_patched()


def fork_warden(serve: Serve, *, prepare: Callable[[], None] = lambda: None) -> Warden:
    """Start a warden that has all that this process has in memory, and calls `prepare` before it serves."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    ours, theirs = socketpair()
    parent = os.getpid()
    try:
        pid = os.fork()
        if pid == 0:
            live_as_warden(Channel(theirs, theirs), serve, parent, prepare=prepare)
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return Warden(pid, ours)


def exec_warden(command: Sequence[str]) -> Warden:
    """Start a warden as a program of its own.

    The command gets two more arguments, the file descriptor of its channel and the id of this process, and has to
    call `live_as_warden()` with them. Safe in any thread or greenlet.
    """
    ours, theirs = socketpair()
    passed = 3 if theirs != 3 else 4  # noqa: PLR2004 (the first free ones of a new process)
    try:
        pid = os.posix_spawn(
            command[0],
            [*command, str(passed), str(os.getpid())],
            os.environ,
            file_actions=[(os.POSIX_SPAWN_DUP2, theirs, passed)],
            setpgroup=0,
            setsigmask=[signal.SIGTERM],  # until it heeds it as a warden does
        )
    except OSError:
        os.close(ours)
        raise
    finally:
        os.close(theirs)
    return Warden(pid, ours)
