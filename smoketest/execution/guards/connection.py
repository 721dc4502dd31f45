"""One database connection whose transaction begins when a test touches it and is always rolled back."""

from collections.abc import Callable
from contextlib import closing, suppress
from enum import Enum, auto
from typing import Any, NamedTuple

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from smoketest.execution.guards import statements


class _State(Enum):
    OFF = auto()
    """Outside any level: an ordinary connection."""
    ARMED = auto()
    """Inside a level, not touched yet."""
    OPENING = auto()
    BEGUN = auto()


class _Mark(NamedTuple):
    """How deep Django's own bookkeeping stood when a level began."""

    level: int
    atomic_blocks: int
    savepoints: int
    on_commit: int


class GuardedConnection(BaseDatabaseWrapper):
    """Goes in front of a backend's own `DatabaseWrapper` class.

    A test that never touches the database costs it nothing: no connection, no BEGIN. The outer transaction is
    Django's `Atomic` as `TestCase` uses it, so that `durable`, `on_commit` and nested atomics behave as there.
    """

    check: Callable[[str, str], None]
    """Raises GuardViolation for (alias, what was done), and keeps it."""
    level: Callable[[], int]
    """Tells which level it is now."""
    _state = _State.OFF
    _marks: tuple[_Mark, ...] = ()
    """Those of the levels that the open transaction spans; the first one began it."""

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

    def _commit(self) -> None:
        if self._state is _State.BEGUN:
            self.check(self.alias, "COMMIT")
        super()._commit()  # type: ignore[misc]

    # What the guard calls.

    def enter_level(self, level: int) -> None:
        """Begin a level inside which all is rolled back at its end."""
        if self._state is _State.BEGUN:
            self._mark(level)
        else:
            self._state = _State.ARMED

    def leave_level(self, level: int) -> list[str]:
        """Roll back to where the level began; return what could outlive that."""
        violations = []
        if self._state is _State.BEGUN and self._marks[-1].level == level:
            *outer, mark = self._marks
            if not self._roll_back_to(mark):
                violations = [f"database {self.alias!r}: the test ended its transaction; what it wrote may stay"]
            elif outer:
                self._marks = tuple(outer)
                return []
            self._end(is_sound=not violations and not outer)
        self._state = _State.ARMED if level > 1 else _State.OFF
        return violations

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

    def _begin(self) -> None:
        self.check(self.alias, "")
        self._renew()
        if not _has_transactions(self):
            self.check(self.alias, f"database {self.alias!r} has no transactions, so nothing could be rolled back")
        atomic = transaction.Atomic(self.alias, savepoint=False, durable=False)
        atomic._from_testcase = True  # type: ignore[attr-defined] # noqa: SLF001 (as TestCase does: a durable block may be the outermost below it)
        atomic.__enter__()
        self.execute_wrappers.append(self._filter)
        self._mark(self.level())

    def _renew(self) -> None:
        """Drop a connection that is stale, or that a test marked `@commits` left inside a transaction."""
        if self.connection is None:
            return
        if self.in_atomic_block or not self.get_autocommit():
            self._drop()
        else:
            super().close_if_unusable_or_obsolete()

    def _filter(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 (Django's signature)
        violation = statements.violation(str(sql), can_rollback_ddl=self.features.can_rollback_ddl)
        if violation:
            self.check(self.alias, f"database {self.alias!r}: {violation}")
        return execute(sql, params, many, context)

    def _mark(self, level: int) -> None:
        self._plain_execute(f"SAVEPOINT smoketest_{level}")
        mark = _Mark(level, len(self.atomic_blocks), len(self.savepoint_ids), len(self.run_on_commit))
        self._marks = (*self._marks, mark)

    def _roll_back_to(self, mark: _Mark) -> bool:
        """Undo what was written since the mark; tell whether its transaction was still the one that is open."""
        try:
            self._plain_execute(f"ROLLBACK TO SAVEPOINT smoketest_{mark.level}")
        except Exception:  # noqa: BLE001 (drivers have no common error, and the answer is the same for each)
            return not self._is_alive()
        self.needs_rollback = False
        self.in_atomic_block = True
        del self.atomic_blocks[mark.atomic_blocks :]
        del self.savepoint_ids[mark.savepoints :]
        del self.run_on_commit[mark.on_commit :]
        return True

    def _is_alive(self) -> bool:
        """Tell whether the connection still works; with a dead one the server has rolled back."""
        with suppress(Exception):
            self._rollback()  # type: ignore[attr-defined]
            return self.is_usable()
        return False

    def _end(self, *, is_sound: bool) -> None:
        """End the transaction, if need be with the connection, and leave Django's bookkeeping as new."""
        self._state = _State.OPENING
        self._marks = ()
        self.execute_wrappers.clear()
        self.run_on_commit = []
        self.atomic_blocks = []
        self.savepoint_ids = []
        self.savepoint_state = 0
        self.in_atomic_block = self.needs_rollback = self.closed_in_transaction = False
        self.errors_occurred = False
        try:
            if is_sound and self.connection is not None:
                self._rollback()  # type: ignore[attr-defined]
                self.set_autocommit(True)
                return
        except Exception:  # noqa: BLE001, S110 (whatever is wrong with it, the connection goes)
            pass
        self._drop()

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
