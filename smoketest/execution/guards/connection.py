"""One database connection whose transaction begins when a test touches it and is always rolled back."""

import time
from collections.abc import Callable
from contextlib import closing, suppress

from django.db import transaction

from smoketest.errors import TestAbandoned
from smoketest.execution.guards.bookkeeping import Mark, forget_transaction, has_transactions
from smoketest.execution.guards.staleness import is_stale
from smoketest.execution.guards.touched import ARMED, BEGUN, FREE, OFF, OPENING, TouchedConnection
from smoketest.execution.leftovers import of_context

LOCK_SECONDS = 2.0
"""The longest that a test waits for a lock that somebody else holds; less if its own time is shorter."""


class GuardedConnection(TouchedConnection):
    """Rolls back what a test writes.

    A test that never touches the database costs it nothing: no connection, no BEGIN. The outer transaction is
    Django's `Atomic` as `TestCase` uses it, so that `durable`, `on_commit` and nested atomics behave as there.
    """

    _marks: tuple[Mark, ...] = ()
    """Those of the levels that the open transaction spans; the first one began it."""
    _used_at = 0.0
    _was_guarded = False
    """Whether the open connection has been a guarded test's: its limits stay with it."""

    # What the guard calls.

    def enter_level(self, level: int) -> None:
        """Begin a level inside which all is rolled back at its end; raises nothing."""
        if self._state is BEGUN:
            try:
                self._mark(level)
            except Exception:  # noqa: BLE001 (the connection is lost; who touches the database gets a new one)
                self._end(is_sound=False)
        if self._state is not BEGUN:
            self._state = ARMED

    def forget(self) -> None:
        """Let go of everything, whatever the state."""
        self._end(is_sound=False)
        self._state = OFF

    def leave_level(self, level: int) -> list[str]:
        """Roll back to where the level began; return what could outlive that."""
        if self._state is not BEGUN or self._marks[-1].level != level:
            self._state = ARMED if level > 1 else OFF
            return []
        *outer, mark = self._marks
        self._state = OPENING  # from here on it is the guard that uses the connection
        if len(self.atomic_blocks) > mark.atomic_blocks:
            self._tell_open()
        is_sound = self._undo(mark, is_last=not outer)
        if is_sound and outer:
            self._marks = tuple(outer)
            self._state = BEGUN
            return []
        violations = [] if is_sound else self._why_lost()
        self._end(is_sound=is_sound and not self._must_go())
        self._state = ARMED if level > 1 else OFF
        return violations

    def set_free(self) -> None:
        """Let a test outside any level commit; on a connection without limits of the guard's."""
        if self._state is OFF:
            if self._was_guarded:
                self._drop()
            self._state = FREE

    def end_transaction(self) -> None:
        """Drop the connection if a test outside any level has left a transaction open on it."""
        if self._state is FREE:
            self._state = OFF
        if self._state is not OFF or self.connection is None:
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
    def is_open(self) -> bool:
        """Tell whether the test has a transaction here that is rolled back."""
        return self._state in (OPENING, BEGUN)

    @property
    def is_held(self) -> bool:
        """Tell whether the test may have locked something here."""
        return self.is_open or self._state is FREE

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
            self._roll_back_to(mark.level)
        except Exception:  # noqa: BLE001 (drivers have no common error, and the answer is the same for each)
            return False
        mark.restore(self)
        return True

    def _roll_back_to(self, level: int) -> None:
        self._plain_execute(f"ROLLBACK TO SAVEPOINT smoketest_{level}")

    # The rest is the same for all.

    def _touch(self) -> None:
        if self._state is ARMED and not self.owner.is_abandoned:
            self._open_by(self._begin)
        if self.owner.is_abandoned and self._state not in (OFF, OPENING):
            message = "the test was given up at its time limit and gets no further in a database"
            raise TestAbandoned(message)

    def _open_by(self, begin: Callable[[], None]) -> None:
        """Have a transaction by what begins it; where that fails there is none, and the next touch tries again."""
        self._state = OPENING
        try:
            begin()
        except BaseException:
            self._end(is_sound=False)
            self._state = ARMED
            raise
        self._state = BEGUN

    def _begin(self) -> None:
        self.owner.check_allowed(self.alias)
        self._renew()
        if not has_transactions(self):
            self.owner.refuse(f"database {self.alias!r} has no transactions, so nothing could be rolled back")
        atomic = transaction.Atomic(self.alias, savepoint=False, durable=False)
        atomic._from_testcase = True  # type: ignore[attr-defined] # noqa: SLF001 (as TestCase does: a durable block may be the outermost below it)
        atomic.__enter__()
        self._begin_checks()
        self._mark(self.owner.level_now)

    def _renew(self) -> None:
        """Drop a connection that is stale, or whose session is as a test that may commit has left it."""
        unused_seconds = time.monotonic() - self._used_at
        if self.connection is not None and (
            not self._was_guarded or is_stale(self, unused_seconds=unused_seconds, descriptor=self._descriptor())
        ):
            self._drop()
        self._was_guarded = True

    def _mark(self, level: int) -> None:
        self._set_savepoint(level, self._seconds_left())
        self._marks = (*self._marks, Mark.take(level, self))

    def _seconds_left(self) -> float:
        return max(0.05, self.owner.seconds_left())

    def _is_alive(self) -> bool:
        with suppress(Exception):
            self._rollback()  # type: ignore[attr-defined]
            return self.is_usable()
        return False

    def _end(self, *, is_sound: bool) -> None:
        """End the transaction, if need be with the connection, and leave Django's bookkeeping as new."""
        self._state = OPENING
        self._marks = ()
        self._used_at = time.monotonic()
        self._end_checks()
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
        self._was_guarded = False

    def _plain_execute(self, sql: str) -> None:
        """Execute by the driver alone: not filtered, not logged."""
        with closing(self.connection.cursor()) as cursor:
            cursor.execute(sql)
