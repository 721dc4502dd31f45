"""How long and how often something is asked again."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from smoketest.client.endings import EndedError, ExitCode, NotYetError
from smoketest.progress.display import Display

T = TypeVar("T")

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0


class Patience:
    """A time that is there in all, and pauses that get longer."""

    def __init__(self, seconds: float, display: Display) -> None:
        """Begin now; news is told on the display."""
        self._until = time.monotonic() + seconds
        self._display = display

    @property
    def left(self) -> float:
        """The seconds that are left, never below 0."""
        return max(0.0, self._until - time.monotonic())

    def persist(self, ask: Callable[[], T], *, exit_code: ExitCode | None = None) -> T:
        """Ask until there is an answer; raise EndedError, with the last reason, when the time is over.

        The exit code is the reason's own if none is given.
        """
        pause, told = _FIRST_PAUSE_SECONDS, ""
        while True:
            try:
                return ask()
            except NotYetError as not_yet:
                if not self.left:
                    raise EndedError(exit_code or not_yet.exit_code, f"gave up: {not_yet}") from None
                if str(not_yet) != told:
                    told = str(not_yet)
                    self._display.tell(f"{told}; asking again")
                self.pause(max(not_yet.after_seconds, pause * random.uniform(0.5, 1.0)))  # noqa: S311
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def pause(self, seconds: float) -> None:
        """Wait, but not for longer than there is time."""
        time.sleep(max(0.0, min(seconds, self.left)))
