"""Work with a deadline, and what can become of it."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from smoketest.clock import Clock

R = TypeVar("R")


class Session(Protocol):
    """What a lane opens in its thread and keeps for its jobs."""

    def abandon(self) -> None:
        """Free what the job that runs now holds; called from another thread when the job is left."""

    def rest(self) -> None:
        """Let nothing stand for a job that does not come; called in the lane's own thread after each run."""

    def close(self) -> None:
        """Close what was opened; called in the lane's own thread, last."""


# One of each a test, so named tuples: a frozen dataclass takes four times as long to make.


class Job(NamedTuple, Generic[R]):
    """Some work and how long it may take; it must not raise."""

    key: str
    work: Callable[[Any, Clock], R]
    """Takes the lane's session, and the clock."""
    seconds: float
    last: Callable[[Any, Clock], R] | None = None
    """In place of `work` where nothing of its unit will be begun after it."""


class Fate(Enum):
    """What became of a job."""

    ANSWERED = auto()
    LEFT = auto()
    """It passed its deadline and is left to itself."""
    STILL_LEFT = auto()
    """It was left by an earlier run and has not ended yet, so it was not begun again."""
    SATURATED = auto()
    """Not begun: too many lanes are left already."""
    BROKEN = auto()
    """The lane could not open its session; the stack tells why."""
    RAISED = auto()
    """It raised, which no job should; the stack tells what."""
    NOT_BEGUN = auto()
    """There was no time for it any more."""


class Ended(NamedTuple, Generic[R]):
    """How a job ended."""

    key: str
    fate: Fate
    value: R | None = None
    seconds: float = 0.0
    since_at: datetime | None = None
    """When the job began that is left."""
    stack: str = ""
    """Where it was when it was looked at."""
