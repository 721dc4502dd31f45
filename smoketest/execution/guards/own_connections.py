"""The guard of a thread or process of ours: connections that begin a transaction when touched and never commit."""

import copy
from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, cast

from django.db import connections

from smoketest.errors import GuardViolation
from smoketest.execution.guards.connection import GuardedConnection


class OwnConnections:
    """The guard of the thread that makes it; nobody else ever sees its connections."""

    def __init__(self) -> None:
        """Put guarded connections in the place of this thread's own, opened when first touched."""
        self._depth = 0
        self._allowed: Collection[str] = "__all__"
        self._violations: list[str] = []
        self._connections = [self._make(alias) for alias in connections]

    def close(self) -> None:
        """Close what was opened and let this thread have ordinary connections again."""
        for connection in self._connections:
            with suppress(Exception):
                connection.close()
            del connections[connection.alias]

    def violations(self) -> list[str]:
        """Return, once, what was seen since the last call."""
        seen, self._violations = self._violations, []
        return seen

    @contextmanager
    def level(self, databases: Collection[str]) -> Iterator[None]:
        """Roll back at its end all that is written inside."""
        outer, self._allowed = self._allowed, databases
        self._depth += 1
        for connection in self._connections:
            connection.enter_level(self._depth)
        try:
            yield
        finally:
            for connection in self._connections:
                self._violations += connection.leave_level(self._depth)
            self._depth -= 1
            self._allowed = outer

    def _make(self, alias: str) -> GuardedConnection:
        plain = connections.create_connection(alias)
        connection = _guarded(cast("Hashable", type(plain)))(_without_pool(plain.settings_dict), alias)
        connection.check = self._check
        connection.level = lambda: self._depth
        connections[alias] = connection
        return connection

    def _check(self, alias: str, violation: str) -> None:
        """Refuse a violation, or with none the use of a database outside the class' `databases`."""
        if not violation and self._allowed != "__all__" and alias not in self._allowed:
            violation = f"database {alias!r} is not among the `databases` of the class"
        if violation:
            self._violations.append(violation)
            raise GuardViolation(violation)


@cache
def _guarded(backend: Any) -> type[GuardedConnection]:
    return type(f"Guarded{backend.__name__}", (GuardedConnection, backend), {"__module__": backend.__module__})


def _without_pool(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings without the driver's connection pool: a hung test must not take production's."""
    own = copy.deepcopy(settings)
    own.get("OPTIONS", {}).pop("pool", None)
    return own
