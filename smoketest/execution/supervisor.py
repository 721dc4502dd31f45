"""Has work that may do anything done in a process, keeps its deadline, ends it, and tells how it ended."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from smoketest.execution import warden
from smoketest.execution.channel import Channel
from smoketest.execution.starting import Warden
from smoketest.execution.warden import DUMP_STACKS, INTERRUPT
from smoketest.execution.whereabouts import kernel_view
from smoketest.failures import cut

LOOK_SECONDS = 1.0
"""Between two questions whether the answer is still wanted."""
FIRST_LOOK_SECONDS = 0.05
"""Until the first one: whoever is asked tells of the quick messages before this one then, and gives back those behind
it, which would all be lost with this process."""
GRACE_SECONDS = 0.5
"""From the interrupt at a deadline until the kill."""
STACKS_SECONDS = 0.2
"""How long the stacks are waited for after that."""
MOST_MESSAGES = 1000
"""After so many a new process had better take over, so that what was left behind does not pile up."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ending:
    """How one message was answered."""

    answer: dict[str, Any] | None = None
    is_timeout: bool = False
    is_unwanted: bool = False
    """It was given up because nobody wanted it any more."""
    exit_code: int | None = None
    """Of a process that died by itself; negative: the signal that ended it. None: it did not, or nobody knows."""
    stack: str = ""
    """Where all threads were when the process had to be killed."""
    refusal: str = ""
    """Why there was no process to take the message."""
    failure: str = ""
    """Why there was no sense in what it said."""
    seconds: float = 0.0


class Supervisor:
    """One process at a time that answers messages, and a warden that starts it and ends it with all that it started.

    Neither a broker nor Redis is needed to keep its deadlines.
    """

    def __init__(self, start: Callable[[], Warden]) -> None:
        """Take what starts a warden."""
        self._start = start
        self._warden: Warden | None = None
        self._process: _Process | None = None
        self._refusal = ""
        self._refused_until = 0.0

    @property
    def is_ready(self) -> bool:
        """Tell whether there is a process, so that `prepare` takes no time."""
        return bool(self._process and self._process.is_fit)

    def prepare(self, still: Callable[[], None] = lambda: None) -> None:
        """Have a process ready, so that its start is nobody's time; `still` is called now and then meanwhile.

        One that has died since its last answer is replaced: the next message is not to answer for it. Where none is to
        be had, `ask` tells why. For as long as that took to be known it is not tried again: what hangs would hold up
        each message, but a system that has no process to spare may have one soon.
        """
        began = time.monotonic()
        if self._process and not self._process.is_fit:
            self._end(Ending(is_unwanted=True))
        if self._process or began < self._refused_until:
            return
        try:
            self._process = self._begin(still)
            self._refusal = ""
        except OSError as error:
            self._refusal = f"{type(error).__name__}: {error}"
            self._refused_until = 2 * time.monotonic() - began

    def ask(self, message: dict[str, Any], *, seconds: float, is_wanted: Callable[[], bool] = lambda: True) -> Ending:
        """Send a message and return how it was answered, `seconds` (and a grace) later at the latest.

        When `is_wanted`, which is asked now and then and must answer quickly, says no, the process is ended.
        """
        # Where one was refused whoever prepares tries again, with somebody to tell that it lasts.
        if not (self._process or self._refusal):
            self.prepare()
        process = self._process
        if not process:
            return Ending(refusal=self._refusal)
        began = time.monotonic()
        ending = process.ask(message, began + seconds, is_wanted)
        if ending.answer is not None and not ending.is_timeout:
            return ending
        return replace(self._end(ending), seconds=time.monotonic() - began)

    @property
    def is_old(self) -> bool:
        """Tell whether the process has answered so much that a new one had better take over."""
        return bool(self._process and self._process.messages >= MOST_MESSAGES)

    def renew(self) -> None:
        """End the process, unless it is new, and all that it has started; the next message is for another one."""
        self._refusal, self._refused_until = "", 0.0
        if self._process and self._process.messages:
            self._end(Ending(is_timeout=True))
        if self._warden:
            self.prepare()

    def close(self) -> None:
        """End all processes."""
        process, self._process = self._process, None
        its_warden, self._warden = self._warden, None
        if its_warden:
            its_warden.close()
        if process:
            process.close()

    def _begin(self, still: Callable[[], None]) -> "_Process":
        if self._warden:
            with contextlib.suppress(OSError):
                return _Process(*self._warden.begin(still))
            self.close()  # it had nothing to do for so long that it went
        self._warden = self._start()
        try:
            return _Process(*self._warden.begin(still))
        except OSError:
            self.close()
            raise

    def _end(self, ending: Ending) -> Ending:
        """End the process, and complete the ending of one that has died."""
        process, self._process = self._process, None
        has_died = not (ending.is_timeout or ending.is_unwanted or ending.failure)
        try:
            if self._warden:
                exit_code = self._warden.end(patience_seconds=GRACE_SECONDS if has_died else 0.0)
                ending = replace(ending, exit_code=exit_code) if has_died else ending
        except ChildProcessError as error:
            self.close()
            if process and process.messages:  # else it has started nothing, and may have gone long ago
                process.kill()
            return replace(ending, failure=str(error)) if has_died else ending
        finally:
            if process:
                process.close()
        return ending


class _Process:
    def __init__(self, pid: int, channel: Channel, stacks_fd: int) -> None:
        self.messages = 0
        self._came_at = time.monotonic()
        self._pid = pid
        self._channel = channel
        self._stacks_fd = stacks_fd

    @property
    def is_fit(self) -> bool:
        """Tell whether it lives, will not go soon, and has said nothing that it was not asked."""
        is_old = not self.messages and time.monotonic() - self._came_at > warden.IDLE_SECONDS
        with contextlib.suppress(EOFError):
            return not (is_old or self._channel.is_ready(0.0))
        return False

    def ask(self, message: dict[str, Any], until: float, is_wanted: Callable[[], bool]) -> Ending:
        self.messages += 1
        began = time.monotonic()
        try:
            self._channel.send(message)
            look_at = began + FIRST_LOOK_SECONDS
            # Near the deadline nothing is asked: that could take too long.
            while look_at < until - LOOK_SECONDS and not self._channel.is_ready(look_at):
                if not is_wanted():
                    return Ending(is_unwanted=True)
                look_at = time.monotonic() + LOOK_SECONDS
            answer = self._channel.receive(until)
            return Ending(answer=answer, seconds=time.monotonic() - began)
        except TimeoutError:
            return self._interrupt()
        except (EOFError, OSError):
            return Ending()
        except ValueError as error:  # somebody else has written to the pipe
            return Ending(failure=f"{type(error).__name__}: {error}")

    def _interrupt(self) -> Ending:
        self._signal(INTERRUPT)
        self._signal(signal.SIGCONT)  # it may have stopped itself
        try:
            return Ending(answer=self._channel.receive(time.monotonic() + GRACE_SECONDS), is_timeout=True)
        except TimeoutError:
            return Ending(is_timeout=True, stack=self._dump_stacks())
        except (EOFError, OSError, ValueError):
            return Ending(is_timeout=True)

    def _dump_stacks(self) -> str:
        """Return the stacks of all threads and where the kernel sees the process.

        A signal handler in C writes them, which needs no interpreter lock; of one that blocks all signals there is
        the kernel's view alone.
        """
        view = kernel_view(self._pid, process=self._pid)
        self._signal(DUMP_STACKS)
        return cut(self._stacks().decode(errors="replace") + view)

    def _stacks(self) -> bytes:
        """Return the stacks when they are whole, which nobody tells: when nothing is added any more, or in time."""
        until, stacks = time.monotonic() + STACKS_SECONDS, b""
        while time.monotonic() < until:
            time.sleep(STACKS_SECONDS / 20)
            before, stacks = stacks, os.pread(self._stacks_fd, os.fstat(self._stacks_fd).st_size, 0)
            if stacks and stacks == before:
                break
        return stacks

    def kill(self) -> None:
        """End what a dead warden can't: what its runner has started, and that itself if it did not die with it.

        Its id may be another's by now, unlike the group's and the descriptor.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._pid, signal.SIGKILL)
        if self._channel.peer_fd is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._channel.peer_fd, signal.SIGKILL)

    def close(self) -> None:
        self._channel.close()
        os.close(self._stacks_fd)

    def _signal(self, number: int) -> None:
        # Its warden waits for it only when told to: until then nobody else can have its id.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, number)
