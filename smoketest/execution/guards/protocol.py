"""What the rest of the framework asks of a guard."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Protocol

from smoketest.clock import Clock


class Guard(Protocol):
    """Keeps what one thread's tests write to databases inside transactions that are rolled back."""

    def level(self, databases: Collection[str], clock: Clock) -> AbstractContextManager[None]:
        """Return a context whose writes are all rolled back at its end.

        Levels nest: what an outer one wrote is there in the inner, and stays when the inner ends. Only
        `databases` (aliases, or "__all__") may be touched inside. The end of a level never raises.
        """

    def unguarded(self) -> AbstractContextManager[None]:
        """Return a context whose writes stay; a transaction that is left open at its end is told and rolled back."""

    def violations(self) -> list[str]:
        """Return, once, what was done since the last call that could outlive a rollback."""

    def abandon(self) -> None:
        """End what the running test holds in databases, from another thread; it gets no further there."""

    def close(self) -> None:
        """Close what was opened."""
