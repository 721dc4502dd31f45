"""The guard of a thread or process of ours: connections that begin a transaction when touched and never commit."""

import threading
import time
from collections.abc import Collection, Hashable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import Any, cast

from django.db import connections

from smoketest.clock import Clock
from smoketest.errors import GuardViolation, TestAbandoned
from smoketest.execution import native
from smoketest.execution.guards.asyncio_runs import keep_apart
from smoketest.execution.guards.connection import GuardedConnection
from smoketest.execution.guards.limits import MARGIN_SECONDS
from smoketest.execution.guards.mysql import GuardedMySQL
from smoketest.execution.guards.postgresql import GuardedPostgreSQL
from smoketest.execution.guards.sqlite import GuardedSQLite
from smoketest.execution.turns import Turns

_BY_VENDOR = {"postgresql": GuardedPostgreSQL, "mysql": GuardedMySQL, "sqlite": GuardedSQLite}

_ABANDON_SECONDS = 0.25
"""So long the turn to write waits for what a test holds to be free: a frozen server must not hold up all writers."""

_turns = Turns()
_of_thread = threading.local()


class OwnConnections:
    """The guard of the thread that makes it; nobody else ever sees its connections."""

    def __init__(self) -> None:
        """Put guarded connections in the place of this thread's own, opened when first touched."""
        self.level_now = 0
        self.is_abandoned = False
        self._clock: Clock | None = None
        self._allowed: Collection[str] = "__all__"
        self._violations: list[str] = []
        self._before = connections.all(initialized_only=True)
        self._connections = [made for alias in connections if (made := self._make(alias))]
        _of_thread.guard = self
        keep_apart()

    def put_back(self) -> None:
        """Put the guarded connections in their place again, where a test has thrown them out."""
        for connection in self._connections:
            connections[connection.alias] = connection

    def close(self) -> None:
        """Close what was opened and let this thread have the connections that it had before."""
        for connection in self._connections:
            with suppress(Exception):
                connection.forget()
            del connections[connection.alias]
        _of_thread.guard = None
        for before in self._before:
            connections[before.alias] = before

    def violations(self) -> list[str]:
        """Return, once, what was seen since the last call."""
        seen, self._violations = self._violations, []
        return seen

    def level(self, databases: Collection[str], clock: Clock) -> "_Level":
        """Roll back at its end all that is written inside."""
        return _Level(self, databases, clock)

    @contextmanager
    def unguarded(self) -> Iterator[None]:
        """Let what is written inside stay; what is left open at the end would hold its locks, and is rolled back."""
        for connection in self._connections:
            connection.set_free()
        try:
            yield
        finally:
            for connection in self._connections:
                connection.end_transaction()

    def enter_level(self, databases: Collection[str], clock: Clock | None) -> tuple[Collection[str], Clock | None]:
        """Begin a level and return what the one around it had."""
        outer = self._allowed, self._clock
        self._allowed, self._clock = databases, clock
        self.level_now += 1
        for connection in self._connections:
            connection.enter_level(self.level_now)
        return outer

    def leave_level(self, outer: tuple[Collection[str], Clock | None]) -> None:
        """Roll back what the level holds; raises nothing.

        What is done in the outer level after it, a class' tear-down say, has the time of the test that has just ended.
        """
        for connection in self._connections:
            self._violations += connection.leave_level(self.level_now)
        self.level_now -= 1
        self._allowed = outer[0]
        self._clock = self._clock if self.level_now else outer[1]
        if not self.level_now or not any(connection.is_open for connection in self._connections):
            _turns.give_back(self)

    def abandon(self) -> None:
        """Free what the test holds in the databases, from another thread."""
        self.is_abandoned = True
        ended: native.Queue[None] = native.Queue()
        held = [connection for connection in self._connections if connection.is_held]
        try:
            for connection in held:
                native.start_thread(partial(_abandon, connection, ended))
            until = time.monotonic() + _ABANDON_SECONDS
            with suppress(native.Empty):
                for _ in held:
                    ended.get(timeout=max(0.0, until - time.monotonic()))
        finally:
            _turns.give_back(self)

    def seconds_left(self) -> float:
        """Return how long the test may still take in a database."""
        return self._clock.deadline - time.monotonic() - MARGIN_SECONDS if self._clock else 0.0

    def check_allowed(self, alias: str) -> None:
        """Refuse a database outside the class' `databases`."""
        if self._allowed != "__all__" and alias not in self._allowed:
            self.refuse(f"database {alias!r} is not among the `databases` of the class")

    def refuse(self, violation: str) -> None:
        """Keep a violation and raise it."""
        self.remember(violation)
        raise GuardViolation(violation)

    def remember(self, violation: str) -> None:
        """Keep a violation, so that it counts even where the test swallows what it gets for it."""
        if violation not in self._violations:
            self._violations.append(violation)

    def take_turn(self) -> None:
        """Wait for the other writers; the time does not count."""
        if self._clock and not _turns.take(self, self._clock):
            message = "the test waited in vain for another one's writes to end"
            raise TestAbandoned(message)
        if self.is_abandoned:  # asked last: whoever gives it up may have given the turn back already
            _turns.give_back(self)
            message = "the test was given up at its time limit and does not write any more"
            raise TestAbandoned(message)

    def _make(self, alias: str) -> GuardedConnection | None:
        try:
            plain = connections.create_connection(alias)
        except Exception:  # noqa: BLE001 (a driver is missing, say: that is for the test that touches this database)
            return None
        guarded = _guarded(cast("Hashable", type(plain)), plain.vendor)
        connection = guarded(_without_pool(plain.settings_dict), alias)
        connection.owner = self
        connections[alias] = connection
        return connection


def put_back_here() -> None:
    """Put the guarded connections of this thread, if it has a guard, in their place again."""
    if guard := getattr(_of_thread, "guard", None):
        guard.put_back()


def _abandon(connection: GuardedConnection, ended: "native.Queue[None]") -> None:
    connection.abandon()
    ended.put(None)


class _Level:
    """A context manager by hand: around each test, a generator's would cost more than the test."""

    __slots__ = ("_clock", "_databases", "_guard", "_outer")

    def __init__(self, guard: OwnConnections, databases: Collection[str], clock: Clock) -> None:
        self._guard = guard
        self._databases = databases
        self._clock = clock

    def __enter__(self) -> None:
        self._outer = self._guard.enter_level(self._databases, self._clock)

    def __exit__(self, *_: object) -> None:
        self._guard.leave_level(self._outer)


@cache
def _guarded(backend: Any, vendor: str) -> type[GuardedConnection]:
    guard = _BY_VENDOR.get(vendor, GuardedConnection)
    return type(f"Guarded{backend.__name__}", (guard, backend), {"__module__": backend.__module__})


def _without_pool(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings without the driver's connection pool: a hung test must not take production's."""
    options = {name: value for name, value in settings.get("OPTIONS", {}).items() if name != "pool"}
    return {**settings, "OPTIONS": options}
