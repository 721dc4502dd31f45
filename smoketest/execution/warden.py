"""The process between a supervisor and its runners: it runs no test, so each runner that it forks is as good as new.

It adopts what a runner's tests have started, whatever they did to get away, and ends it with the runner. It forks the
next runner before that is asked for, and goes by itself when nobody has asked for long.
"""

import faulthandler
import gc
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, NoReturn

from smoketest.execution import hygiene, kinship
from smoketest.execution.channel import Channel

Serve = Callable[[Channel], None]
"""What a runner does: answer each of the `messages_of` its channel, until there are no more."""

INTERRUPT: int = getattr(signal, "SIGRTMIN", signal.SIGUSR2 - 5) + 5
"""Sent to a runner at a deadline. A real-time signal: SIGALRM, SIGUSR1 and SIGUSR2 are the tests' own."""
DUMP_STACKS: int = INTERRUPT + 1
"""Sent to a runner that does not heed the interrupt: it writes the stacks of its threads."""
IDLE_SECONDS = 60.0
"""So long a warden waits to be asked for a runner, and one that has had no message yet is used; then that goes soon."""
_ORPHANS_SECONDS = 1.0
"""How often the adopted that have ended are reaped: each counts as a process, of which a container may have few."""
REAP_SECONDS = 1.0
"""So long the death of what was killed is waited for; what hangs in the kernel goes when that lets it."""
FILES = 3
"""That come with a runner: to read from, to write to, and where it writes its stacks."""


def live_as_warden(
    control: Channel, serve: Serve, parent: int, *, prepare: Callable[[], None] = lambda: None
) -> NoReturn:
    """Start runners and end them, as asked through `control`, until the parent has gone.

    Where `prepare`, which is called first, raises ChildProcessError, it starts none and tells why.
    """
    try:
        with suppress(PermissionError):  # it leads a session: nobody else's signals reach it
            os.setpgid(0, 0)
        # One to all of a service is for its main process to heed.
        hygiene.clean_process(keep_fds=control.fds, at_termination=signal.SIG_IGN)
        kinship.adopt_orphans()
        parents_end = kinship.watch_process(parent)
        if os.getppid() == parent:
            _Warden(Channel(*control.fds, peer_fd=parents_end), serve).work(prepare)
        os._exit(0)
    except BaseException:  # noqa: BLE001 (nothing may unwind into the code that forked)
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(os.EX_SOFTWARE)


def messages_of(channel: Channel) -> Iterator[dict[str, Any]]:
    """Tell that the runner is ready, and yield what it is to answer.

    That is until there is no more, an empty one comes, or none for long: then nobody needs it.
    """
    channel.send({})
    # By then nobody sends it a first message any more, however slow that is.
    until: float | None = time.monotonic() + 2 * IDLE_SECONDS
    with suppress(EOFError, TimeoutError):
        while message := channel.receive(until):
            yield message
            until = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Runner:
    pid: int
    to_read: int
    to_write: int
    stacks: IO[bytes]

    def give_to(self, control: Channel) -> None:
        control.send({"pid": self.pid})
        control.send_files(self.to_read, self.to_write, self.stacks.fileno())

    def forget_files(self) -> None:
        os.close(self.to_read)
        os.close(self.to_write)
        self.stacks.close()


class _Warden:
    def __init__(self, control: Channel, serve: Serve) -> None:
        self._control = control
        self._serve = serve
        self._standby: _Runner | None = None
        self._given: int | None = None
        """The id of the runner that the supervisor has."""

    def work(self, prepare: Callable[[], None]) -> None:
        try:
            prepare()
        except ChildProcessError as error:
            self._next_request()
            self._control.send({"failure": str(error)})
            return
        # A runner that collects garbage would copy all this: https://docs.python.org/3/library/gc.html#gc.freeze
        gc.freeze()
        try:
            while request := self._next_request():
                self._obey(request)
        finally:
            self._end(0.0)

    def _next_request(self) -> dict[str, Any] | None:
        until = time.monotonic() + IDLE_SECONDS
        with suppress(EOFError, OSError):
            while not self._control.is_ready(min(until, time.monotonic() + _ORPHANS_SECONDS)):
                if self._given and not kinship.has_ended(self._given):
                    until = time.monotonic() + IDLE_SECONDS
                elif time.monotonic() >= until:
                    return None
                self._reap_orphans()
            return self._control.receive()
        return None

    def _reap_orphans(self) -> None:
        self._standby = self._take_standby()
        kinship.reap_adopted({self._given, self._standby.pid if self._standby else None})

    def _obey(self, request: dict[str, Any]) -> None:
        if request["do"] == "begin":
            self._begin()
        else:
            self._control.send({"exit_code": self._end(request["seconds"])})
            with suppress(OSError):  # then it is tried again when one is asked for
                self._standby = self._fork()

    def _begin(self) -> None:
        try:
            runner = self._take_standby() or self._fork()
        except OSError as error:
            self._control.send({"failure": f"{type(error).__name__}: {error}"})
            return
        self._given = runner.pid
        runner.give_to(self._control)
        runner.forget_files()

    def _take_standby(self) -> _Runner | None:
        standby, self._standby = self._standby, None
        if standby and os.waitpid(standby.pid, os.WNOHANG)[0]:  # whoever has killed it
            standby.forget_files()
            return None
        return standby

    def _end(self, patience_seconds: float) -> int | None:
        """End the runner and all that has come of it; return how it ended, if that was by itself."""
        exit_code = None
        if self._given:
            exit_code = kinship.reap(self._given, patience_seconds)
            kinship.signal_group(self._given, signal.SIGKILL)
            if exit_code is None:
                kinship.reap(self._given, REAP_SECONDS)
        self._given = None
        kinship.end_children(REAP_SECONDS)
        return exit_code

    def _fork(self) -> _Runner:
        stacks = _open_file()
        pipes: list[int] = []
        warden = os.getpid()
        try:
            pipes += os.pipe()
            pipes += os.pipe()
            pid = os.fork()
        except OSError:
            for fd in pipes:
                os.close(fd)
            stacks.close()
            raise
        to_read, their_write, their_read, to_write = pipes
        if pid == 0:
            self._control.close()
            os.close(to_read)
            os.close(to_write)
            _live_as_runner(self._serve, Channel(their_read, their_write), stacks.fileno(), warden)
        os.close(their_read)
        os.close(their_write)
        with suppress(OSError):
            os.setpgid(pid, pid)  # both sides do it: whoever comes first
        return _Runner(pid=pid, to_read=to_read, to_write=to_write, stacks=stacks)


def _open_file() -> IO[bytes]:
    """Return a file in memory, where there is such: disks may be full, and a container may have none to write to."""
    with suppress(AttributeError, OSError):
        return os.fdopen(os.memfd_create("smoketest"), "w+b")
    return tempfile.TemporaryFile()


def _live_as_runner(serve: Serve, channel: Channel, stacks_fd: int, warden: int) -> NoReturn:
    try:
        os.setpgid(0, 0)
        kinship.die_with(warden)
        hygiene.be_killed_first()
        hygiene.outlive_termination()
        faulthandler.register(DUMP_STACKS, file=stacks_fd, all_threads=True, chain=False)
        serve(channel)
        os._exit(0)
    except BaseException:  # noqa: BLE001 (nothing may unwind into the code that forked)
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(os.EX_SOFTWARE)
