"""One database connection whose transaction begins when a test touches it and is always rolled back."""

import select
import time
from collections.abc import Callable
from contextlib import closing, suppress
from enum import Enum, auto
from typing import Any, NamedTuple, Protocol

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from smoketest.errors import TestAbandoned
from smoketest.execution.guards import statements

LOCK_SECONDS = 2.0
"""The longest that a test waits for a lock that somebody else holds; less if its own time is shorter."""
_UNUSED_SECONDS = 1.0
"""A connection unused for so long is looked at before it is used again."""


class _State(Enum):
    OFF = auto()
    """Outside any level: an ordinary connection."""
    ARMED = auto()
    """Inside a level, not touched yet."""
    OPENING = auto()
    BEGUN = auto()


class Mark(NamedTuple):
    """How deep Django's own bookkeeping stood when a level began."""

    level: int
    atomic_blocks: int = 0
    savepoints: int = 0
    on_commit: int = 0


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


class GuardedConnection(BaseDatabaseWrapper):
    """Goes in front of a backend's own `DatabaseWrapper` class.

    A test that never touches the database costs it nothing: no connection, no BEGIN. The outer transaction is
    Django's `Atomic` as `TestCase` uses it, so that `durable`, `on_commit` and nested atomics behave as there.
    """

    owner: Owner
    _state = _State.OFF
    _marks: tuple[Mark, ...] = ()
    """Those of the levels that the open transaction spans; the first one began it."""
    _used_at = 0.0

    # Whatever reaches for the database reads one of the next four first.

    @property
    def in_atomic_block(self) -> bool:
        self._touch()
        return bool(self.__dict__["in_atomic_block"])

    @in_atomic_block.setter
    def in_atomic_block(self, value: bool) -> None:
        self.__dict__["in_atomic_block"] = value

    @property
    def connection(self) -> Any:
        self._touch()
        return self.__dict__["connection"]

    @connection.setter
    def connection(self, value: Any) -> None:
        self.__dict__["connection"] = value

    def ensure_connection(self) -> None:
        self._touch()
        super().ensure_connection()

    def _cursor(self, name: str | None = None) -> Any:
        self._touch()
        return super()._cursor(name)  # type: ignore[misc]

    # While a level lasts nobody closes or commits below it.

    def close(self) -> None:
        if self._state is _State.OFF:
            super().close()

    def close_if_unusable_or_obsolete(self) -> None:
        if self._state is _State.OFF:
            super().close_if_unusable_or_obsolete()

    def copy(self, alias: str | None = None) -> Any:
        """Refuse: a copy would stand outside the guard."""
        if self._state is not _State.OFF:
            self.owner.refuse(f"database {self.alias!r}: a copy of the connection was asked for")
        return super().copy(alias)

    def validate_no_atomic_block(self) -> None:
        """Remember who tries to commit, roll back or set autocommit, also where the error is swallowed."""
        if self._state is _State.BEGUN:
            self.owner.remember(f"database {self.alias!r}: commit(), rollback() or set_autocommit() refused")
        super().validate_no_atomic_block()

    def _commit(self) -> None:
        if self._state is _State.BEGUN:
            self.owner.refuse(f"database {self.alias!r}: COMMIT refused")
        super()._commit()  # type: ignore[misc]

    # What the guard calls.

    def enter_level(self, level: int) -> None:
        """Begin a level inside which all is rolled back at its end; raises nothing."""
        if self._state is _State.BEGUN:
            try:
                self._mark(level)
            except Exception:  # noqa: BLE001 (the connection is lost; who touches the database gets a new one)
                self._end(is_sound=False)
        if self._state is not _State.BEGUN:
            self._state = _State.ARMED

    def forget(self) -> None:
        """Let go of everything, whatever the state."""
        self._end(is_sound=False)
        self._state = _State.OFF

    def leave_level(self, level: int) -> list[str]:
        """Roll back to where the level began; return what could outlive that."""
        if self._state is not _State.BEGUN or self._marks[-1].level != level:
            self._state = _State.ARMED if level > 1 else _State.OFF
            return []
        *outer, mark = self._marks
        self._state = _State.OPENING  # from here on it is the guard that uses the connection
        is_sound = self._undo(mark, is_last=not outer)
        if is_sound and outer:
            self._marks = tuple(outer)
            self._state = _State.BEGUN
            return []
        violations = [] if is_sound else self._why_lost()
        self._end(is_sound=is_sound)
        self._state = _State.ARMED if level > 1 else _State.OFF
        return violations

    def _why_lost(self) -> list[str]:
        """Return what is to be said of a transaction that is gone."""
        had_errors = self.errors_occurred  # asked first: to look whether it is alive may add one
        if self._is_alive():
            return [f"database {self.alias!r}: the test ended its transaction; what it wrote may stay"]
        if had_errors or self.owner.is_abandoned:
            return []  # the server is away, and has rolled back
        return [f"database {self.alias!r}: the connection was closed below the guard; what was written may stay"]

    def abandon(self) -> None:
        """End what runs and what is locked, from another thread; for the backends that know how."""

    @property
    def is_open(self) -> bool:
        """Tell whether the test has a transaction here."""
        return self._state in (_State.OPENING, _State.BEGUN)

    # What a backend does in its own way.

    def _descriptor(self) -> int | None:
        """Return the file descriptor on which the server answers, if there is one."""

    def _limit_statements(self, seconds: float) -> None:
        """Let the server end statements of the open transaction that take longer."""

    def _undo(self, mark: Mark, *, is_last: bool) -> bool:  # noqa: ARG002
        """Undo what was written since the mark; tell whether its transaction was still the one that is open."""
        try:
            self._plain_execute(f"ROLLBACK TO SAVEPOINT smoketest_{mark.level}")
        except Exception:  # noqa: BLE001 (drivers have no common error, and the answer is the same for each)
            return False
        self._restore(mark)
        return True

    # The rest is the same for all.

    def _touch(self) -> None:
        if self._state is _State.ARMED:
            self._state = _State.OPENING
            try:
                self._begin()
            except BaseException:
                self._end(is_sound=False)
                self._state = _State.ARMED
                raise
            self._state = _State.BEGUN
        if self._state is _State.BEGUN and self.owner.is_abandoned:
            message = "the test was given up at its time limit and gets no further in a database"
            raise TestAbandoned(message)

    def _begin(self) -> None:
        self.owner.check_allowed(self.alias)
        self._renew()
        if not _has_transactions(self):
            message = f"database {self.alias!r} has no transactions, so nothing could be rolled back"
            self.owner.refuse(message)
        atomic = transaction.Atomic(self.alias, savepoint=False, durable=False)
        atomic._from_testcase = True  # type: ignore[attr-defined] # noqa: SLF001 (as TestCase does: a durable block may be the outermost below it)
        atomic.__enter__()
        # First, not last: `execute_wrapper()` takes the last one away again.
        self.execute_wrappers.insert(0, self._filter)
        self._mark(self.owner.level_now)

    def _renew(self) -> None:
        """Drop a connection that is stale, or that a test marked `@commits` left inside a transaction."""
        if self.connection is None:
            return
        is_left_open = self.in_atomic_block or not self.get_autocommit()
        is_doubtful = time.monotonic() - self._used_at > _UNUSED_SECONDS or self._has_news()
        if is_left_open or self.errors_occurred or (is_doubtful and not self.is_usable()):
            self._drop()

    def _has_news(self) -> bool:
        """Tell whether the server has sent what nobody asked for: that it closes the connection, as a rule."""
        descriptor = self._descriptor()
        if descriptor is None:
            return False
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(0))

    def _filter(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 (Django's signature)
        text = str(sql)
        violation = statements.violation(text, can_rollback_ddl=self.features.can_rollback_ddl)
        if violation:
            self.owner.refuse(f"database {self.alias!r}: {violation}")
        if statements.may_write(text):
            self.owner.take_turn()
        return execute(sql, params, many, context)

    def _mark(self, level: int) -> None:
        self._plain_execute(f"SAVEPOINT smoketest_{level}")
        self._limit_statements(max(0.05, self.owner.seconds_left()))
        mark = Mark(level, len(self.atomic_blocks), len(self.savepoint_ids), len(self.run_on_commit))
        self._marks = (*self._marks, mark)

    def _restore(self, mark: Mark) -> None:
        """Set Django's bookkeeping to where it stood at the mark."""
        self.needs_rollback = False
        self.in_atomic_block = True
        del self.atomic_blocks[mark.atomic_blocks :]
        del self.savepoint_ids[mark.savepoints :]
        del self.run_on_commit[mark.on_commit :]

    def _is_alive(self) -> bool:
        with suppress(Exception):
            self._rollback()  # type: ignore[attr-defined]
            return self.is_usable()
        return False

    def _end(self, *, is_sound: bool) -> None:
        """End the transaction, if need be with the connection, and leave Django's bookkeeping as new."""
        self._state = _State.OPENING
        self._marks = ()
        self._used_at = time.monotonic()
        self.execute_wrappers[:] = [wrapper for wrapper in self.execute_wrappers if wrapper != self._filter]
        self.run_on_commit = []
        self.atomic_blocks = []
        self.savepoint_ids = []
        self.savepoint_state = 0
        self.in_atomic_block = self.needs_rollback = self.closed_in_transaction = False
        self.errors_occurred = False
        try:
            if is_sound and self.connection is not None:
                self._roll_back_all()
                self.set_autocommit(True)
                return
        except Exception:  # noqa: BLE001, S110 (whatever is wrong with it, the connection goes)
            pass
        self._drop()

    def _roll_back_all(self) -> None:
        self._rollback()  # type: ignore[attr-defined]

    def _drop(self) -> None:
        with suppress(Exception):
            self._close()  # type: ignore[attr-defined]
        self.connection = None

    def _plain_execute(self, sql: str) -> None:
        """Execute by the driver alone: not filtered, not logged."""
        with closing(self.connection.cursor()) as cursor:
            cursor.execute(sql)


def _has_transactions(connection: BaseDatabaseWrapper) -> bool:
    declared = getattr(type(connection.features), "supports_transactions", True)
    if isinstance(declared, bool):
        return declared
    # Django's fallback creates a table to find out, and does it in production: only MySQL's own way is asked.
    return connection.vendor != "mysql" or bool(connection.features.supports_transactions)
