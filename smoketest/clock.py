"""The time that a test has."""

import time
from dataclasses import dataclass
from typing import Protocol


class Clock(Protocol):
    """Tells a test's deadline; whoever waits for what is not the test's own doing may stop it meanwhile."""

    @property
    def deadline(self) -> float:
        """A point of `time.monotonic()`."""

    def pause(self) -> None:
        """Let the time from now on not count."""

    def resume(self) -> None:
        """Let it count again."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A fixed point in time, kept by somebody in another process."""

    deadline: float
    """A point of `time.monotonic()`."""

    def pause(self) -> None:
        """Do nothing: whoever keeps the deadline is not here."""

    def resume(self) -> None:
        """Do nothing."""


def in_seconds(seconds: float) -> Deadline:
    """Return the deadline that many seconds from now."""
    return Deadline(time.monotonic() + seconds)
