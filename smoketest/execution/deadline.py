"""A deadline that somebody else keeps."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """A fixed point in time, for tests that wait for nobody."""

    deadline: float
    """A point of `time.monotonic()`."""

    def pause(self) -> None:
        """Do nothing: whoever keeps the deadline is not here."""

    def resume(self) -> None:
        """Do nothing."""


def in_seconds(seconds: float) -> Deadline:
    """Return the deadline that many seconds from now."""
    return Deadline(time.monotonic() + seconds)
