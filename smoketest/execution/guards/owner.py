"""What a guarded connection asks of the guard that it belongs to."""

from typing import Protocol


class Owner(Protocol):
    """The guard that the connection belongs to."""

    level_now: int
    is_abandoned: bool

    def seconds_left(self) -> float:
        """Return how long the test may still take."""

    def check_allowed(self, alias: str) -> None:
        """Raise GuardViolation for a database that may not be touched."""

    def refuse(self, violation: str) -> None:
        """Keep a violation and raise GuardViolation for it."""

    def remember(self, violation: str) -> None:
        """Keep a violation that is refused elsewhere."""

    def take_turn(self) -> None:
        """Wait until no other test of the process writes; until this one's transactions end none will."""
