"""A process that answers messages, as its supervisor sees it: how each of them was answered."""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smoketest.execution import warden
from smoketest.execution.channel import Channel
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


class Process:
    """A process that answers messages, as its supervisor sees it; its warden started it."""

    def __init__(self, pid: int, channel: Channel, stacks_fd: int) -> None:
        """Take what its warden has told of it, and the file that it writes its stacks to."""
        self.messages = 0
        """How many it was sent."""
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
        """Send a message and return how it was answered by then; at the deadline it is interrupted."""
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

    def dismiss(self) -> None:
        """Let it put away what it has, and end."""
        with contextlib.suppress(OSError):
            self._channel.send({})

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
        """Close what leads to it."""
        self._channel.close()
        os.close(self._stacks_fd)

    def _signal(self, number: int) -> None:
        # Its warden waits for it only when told to: until then nobody else can have its id.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, number)
