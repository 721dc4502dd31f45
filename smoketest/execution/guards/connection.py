"""One database connection whose transaction begins when a test touches it and is always rolled back."""

import select
import time
from collections.abc import Callable
from contextlib import closing, suppress
from enum import Enum, auto
from typing import Any

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from smoketest.errors import TestAbandoned
from smoketest.execution.guards import statements
from smoketest.execution.guards.bookkeeping import Mark, forget_transaction, has_transactions
from smoketest.execution.guards.driver import text_of
from smoketest.execution.guards.owner import Owner
from smoketest.execution.leftovers import of_context

LOCK_SECONDS = 2.0
"""The longest that a test waits for a lock that somebody else holds; less if its own time is shorter."""
_UNUSED_SECONDS = 1.0
"""A connection unused for so long is looked at before it is used again."""


class _State(Enum):
    OFF = auto()
    """Outside any level: an ordinary connection."""
    FREE = auto()
    """That of a test that may commit: ordinary too, until the test is given up."""
    ARMED = auto()
    """Inside a level, not touched yet."""
    OPENING = auto()
    BEGUN = auto()


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
    _passed: Any = None
    """The statement that Django's cursor hands down to the driver's."""
    _is_altered = False
    """Whether the session has something of the test's that no rollback takes away, so that it must go."""

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
        if not self._is_guarded:
            super().close()

    def close_if_unusable_or_obsolete(self) -> None:
        if not self._is_guarded:
            super().close_if_unusable_or_obsolete()

    def copy(self, alias: str | None = None) -> Any:
        """Refuse: a copy would stand outside the guard."""
        if self._is_guarded:
            self._refuse("a copy of the connection was asked for")
        return super().copy(alias)

    def validate_no_atomic_block(self) -> None:
        """Remember who tries to commit, roll back or set autocommit, also where the error is swallowed."""
        if self._state is _State.BEGUN:
            self.owner.remember(f"database {self.alias!r}: commit(), rollback() or set_autocommit() refused")
        super().validate_no_atomic_block()

    def _commit(self) -> None:
        if self._state is _State.BEGUN:
            self._refuse("COMMIT refused")
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
        if len(self.atomic_blocks) > mark.atomic_blocks:
            self._tell_open()
        is_sound = self._undo(mark, is_last=not outer)
        if is_sound and outer:
            self._marks = tuple(outer)
            self._state = _State.BEGUN
            return []
        violations = [] if is_sound else self._why_lost()
        self._end(is_sound=is_sound and not self._is_altered)
        self._state = _State.ARMED if level > 1 else _State.OFF
        return violations

    def set_free(self) -> None:
        """Let a test outside any level commit."""
        if self._state is _State.OFF:
            self._state = _State.FREE

    def end_transaction(self) -> None:
        """Drop the connection if a test outside any level has left a transaction open on it."""
        if self._state is _State.FREE:
            self._state = _State.OFF
        if self._state is not _State.OFF or self.connection is None:
            return
        with suppress(Exception):
            if not self.in_atomic_block and self.get_autocommit():
                return
        self._tell_open()
        self.forget()

    def _tell_open(self) -> None:
        if leftovers := of_context():
            leftovers.tell(f"left open and rolled back: a transaction in database {self.alias!r}")

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
    def _is_guarded(self) -> bool:
        return self._state not in (_State.OFF, _State.FREE)

    @property
    def is_open(self) -> bool:
        """Tell whether the test has a transaction here that is rolled back."""
        return self._state in (_State.OPENING, _State.BEGUN)

    @property
    def is_held(self) -> bool:
        """Tell whether the test may have locked something here."""
        return self.is_open or self._state is _State.FREE

    @property
    def is_begun(self) -> bool:
        """Tell whether it is the test that uses the transaction now, not the guard."""
        return self._state is _State.BEGUN

    # What a backend does in its own way.

    def _descriptor(self) -> int | None:
        """Return the file descriptor on which the server answers, if there is one."""

    def _set_savepoint(self, level: int, seconds: float) -> None:
        """Set the level's savepoint and let the server end statements that take longer than `seconds`."""
        self._plain_execute(f"SAVEPOINT smoketest_{level}")
        self._limit_statements(seconds)

    def _limit_statements(self, seconds: float) -> None:
        """Let the server end statements of the open transaction that take longer."""

    def _undo(self, mark: Mark, *, is_last: bool) -> bool:  # noqa: ARG002
        """Undo what was written since the mark; tell whether its transaction was still the one that is open."""
        try:
            self._plain_execute(f"ROLLBACK TO SAVEPOINT smoketest_{mark.level}")
        except Exception:  # noqa: BLE001 (drivers have no common error, and the answer is the same for each)
            return False
        mark.restore(self)
        return True

    # The rest is the same for all.

    def _touch(self) -> None:
        if self._state is _State.ARMED and not self.owner.is_abandoned:
            self._state = _State.OPENING
            try:
                self._begin()
            except BaseException:
                self._end(is_sound=False)
                self._state = _State.ARMED
                raise
            self._state = _State.BEGUN
        if self._state not in (_State.OFF, _State.OPENING) and self.owner.is_abandoned:
            message = "the test was given up at its time limit and gets no further in a database"
            raise TestAbandoned(message)

    def _begin(self) -> None:
        self.owner.check_allowed(self.alias)
        self._renew()
        if not has_transactions(self):
            self.owner.refuse(f"database {self.alias!r} has no transactions, so nothing could be rolled back")
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
        self._check(text_of(sql))
        self._passed = sql
        return execute(sql, params, many, context)

    def _check_driver(self, statement: Any) -> None:
        """Check a statement on a cursor of the driver, unless Django's has just handed it down."""
        if self._state is _State.BEGUN and statement is not self._passed:
            self._check(text_of(statement))

    def _check_method(self, name: str) -> None:
        if self._state is _State.BEGUN and not self.owner.is_abandoned:
            self._refuse(f"the driver's {name}() refused")

    def _check(self, sql: str) -> None:
        if violation := statements.violation(sql, can_rollback_ddl=self.features.can_rollback_ddl):
            self._refuse(violation)
        if statements.stays_with_session(sql, self.vendor):
            self._is_altered = True
        if statements.may_write(sql):
            self._before_write(sql)

    def _before_write(self, sql: str) -> None:  # noqa: ARG002
        self.owner.take_turn()

    def _refuse(self, violation: str) -> None:
        self.owner.refuse(f"database {self.alias!r}: {violation}")

    def _mark(self, level: int) -> None:
        self._set_savepoint(level, max(0.05, self.owner.seconds_left()))
        self._marks = (*self._marks, Mark.take(level, self))

    def _is_alive(self) -> bool:
        with suppress(Exception):
            self._rollback()  # type: ignore[attr-defined]
            return self.is_usable()
        return False

    def _end(self, *, is_sound: bool) -> None:
        """End the transaction, if need be with the connection, and leave Django's bookkeeping as new."""
        self._state = _State.OPENING
        self._marks = ()
        self._passed = None
        self._is_altered = False
        self._used_at = time.monotonic()
        self.execute_wrappers[:] = [wrapper for wrapper in self.execute_wrappers if wrapper != self._filter]
        forget_transaction(self)
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
