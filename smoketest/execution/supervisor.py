"""Starts a process for work that may do anything, keeps its deadline, ends it, and tells how it ended."""

import contextlib
import faulthandler
import os
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from smoketest.execution import hygiene
from smoketest.execution.channel import Channel
from smoketest.failures import cut

GRACE_SECONDS = 0.5
"""From the interrupt at a deadline until the kill."""
MOST_MESSAGES = 500
"""After so many a new process had better take over, so that what was left behind does not pile up."""
INTERRUPT: int = getattr(signal, "SIGRTMIN", signal.SIGUSR2 - 5) + 5
"""Sent at the deadline. A real-time signal: SIGALRM, SIGUSR1 and SIGUSR2 are the work's own."""
_DUMP_STACKS = INTERRUPT + 1
_START_SECONDS = 10.0
_REAP_SECONDS = 1.0
"""How long a killed process is waited for; one that hangs in the kernel goes only when that lets it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How one message was answered."""

    answer: dict[str, Any] | None = None
    is_timeout: bool = False
    exit_code: int | None = None
    """Of a process that died by itself; negative: the signal that ended it. None: it did not, or nobody knows."""
    stack: str = ""
    """Where all threads were when the process had to be killed."""
    failure: str = ""
    """Why there was no process, or no sense in what it said."""
    seconds: float = 0.0


class Supervisor:
    """One process at a time that answers messages.

    It is made by fork and is the leader of its own process group, which is killed with it; on Linux it dies when
    this process does. Neither a broker nor Redis is needed to keep its deadlines.
    """

    def __init__(self, serve: Callable[[Channel], None]) -> None:
        """Take what the process does: answer each message of its channel, until there are no more."""
        self._serve = serve
        self._process: _Process | None = None

    def ask(self, message: dict[str, Any], *, seconds: float) -> Ending:
        """Send a message and return how it was answered, `seconds` (and a grace) later at the latest."""
        try:
            process = self._process = self._process or _Process(self._serve)
        except OSError as error:
            return Ending(failure=f"{type(error).__name__}: {error}")
        ending = process.ask(message, time.monotonic() + seconds)
        if ending.answer is None or ending.is_timeout:
            self.close()
        return ending

    @property
    def is_old(self) -> bool:
        """Tell whether the process has answered so much that a new one had better take over."""
        return bool(self._process and self._process.messages >= MOST_MESSAGES)

    def close(self) -> None:
        """End the process and all that it has started."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.close()


class _Process:
    def __init__(self, serve: Callable[[Channel], None]) -> None:
        self.messages = 0
        self._stacks = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the process)
        to_read, their_write = os.pipe()
        their_read, to_write = os.pipe()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        parent = os.getpid()
        try:
            self._pid = os.fork()
        except OSError:
            self._stacks.close()
            for fd in (to_read, their_write, their_read, to_write):
                os.close(fd)
            raise
        if self._pid == 0:
            _be_the_process(serve, Channel(their_read, their_write), self._stacks.fileno(), parent)
        os.close(their_read)
        os.close(their_write)
        with contextlib.suppress(OSError):
            os.setpgid(self._pid, self._pid)  # both sides do it: whoever comes first
        peer = os.pidfd_open(self._pid) if hasattr(os, "pidfd_open") else None
        self._channel = Channel(to_read, to_write, peer_fd=peer)
        self._status: int | None = None
        self._greet()

    def _greet(self) -> None:
        """Wait until the process is up: that time is nobody's limit."""
        try:
            self._channel.receive(time.monotonic() + _START_SECONDS)
        except (EOFError, OSError):
            self.kill()
            self.close()
            message = "the process did not come up"
            raise ChildProcessError(message) from None

    def ask(self, message: dict[str, Any], until: float) -> Ending:
        began = time.monotonic()
        self.messages += 1
        ending = self._ask(message, until)
        return replace(ending, seconds=time.monotonic() - began)

    def _ask(self, message: dict[str, Any], until: float) -> Ending:
        try:
            self._channel.send(message)
            return Ending(answer=self._channel.receive(until))
        except TimeoutError:
            return self._interrupt()
        except (EOFError, OSError):
            return Ending(exit_code=self._exit_code())
        except ValueError as error:  # somebody else has written to the pipe
            return Ending(failure=f"{type(error).__name__}: {error}")

    def _interrupt(self) -> Ending:
        self._signal(INTERRUPT)
        try:
            return Ending(answer=self._channel.receive(time.monotonic() + GRACE_SECONDS), is_timeout=True)
        except TimeoutError:
            return Ending(is_timeout=True, stack=self._dump_stacks())
        except (EOFError, OSError, ValueError):
            return Ending(is_timeout=True)

    def _dump_stacks(self) -> str:
        """Return the stacks of all threads, written by a signal handler in C that needs no interpreter lock."""
        self._signal(_DUMP_STACKS)
        with contextlib.suppress(TimeoutError, EOFError, OSError, ValueError):
            self._channel.receive(time.monotonic() + GRACE_SECONDS / 10)
        self._stacks.seek(0)
        return cut(self._stacks.read().decode(errors="replace"))

    def _exit_code(self) -> int | None:
        """Return how the process ended by itself, or None when it lives and has only closed its pipes."""
        self._reap(GRACE_SECONDS)
        return self._status

    def kill(self) -> None:
        """Kill the process and its group."""
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self._pid, signal.SIGKILL)
        self._reap(_REAP_SECONDS)

    def close(self) -> None:
        self._channel.close()
        self._stacks.close()

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, number)

    def _reap(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while self._status is None:
            try:
                pid, status = os.waitpid(self._pid, os.WNOHANG)
            except ChildProcessError:
                return  # somebody else has reaped it
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > until:
                return
            else:
                time.sleep(0.001)


def _be_the_process(serve: Callable[[Channel], None], channel: Channel, stacks_fd: int, parent: int) -> None:
    """Live as the new process; never returns."""
    try:
        os.setpgid(0, 0)
        hygiene.clean_process(parent, keep_fds=(*channel.fds, stacks_fd))
        faulthandler.register(_DUMP_STACKS, file=stacks_fd, all_threads=True, chain=False)
        channel.send({})
        serve(channel)
        os._exit(0)
    except BaseException:  # noqa: BLE001 (nothing may unwind into the code that forked)
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(70)  # EX_SOFTWARE
