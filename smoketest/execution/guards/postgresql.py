"""PostgreSQL: a transaction that the test ended itself is noticed, at no cost."""

import os
import time
from contextlib import closing, suppress
from typing import Any

from smoketest.execution.guards.bookkeeping import Mark
from smoketest.execution.guards.connection import LOCK_SECONDS
from smoketest.execution.guards.driver import check_methods, checked_cursors
from smoketest.execution.guards.server import GuardedServerConnection

_GRACE_SECONDS = 0.05
_CANCEL_SECONDS = 2.0
_CONNECT_SECONDS = 3
_IDLE_SECONDS = 5
"""So much longer than its test may take is a transaction that nobody ends kept by the server."""
_IN_TRANSACTION = (2, 3)
"""libpq's PQTRANS_INTRANS and PQTRANS_INERROR: https://www.postgresql.org/docs/current/libpq-status.html"""
_ACTIVE = 1


class GuardedPostgreSQL(GuardedServerConnection):
    """A guarded PostgreSQL connection.

    The server reports `application_name` whenever it changes. It is set inside the transaction, so it is still the
    test's own at the end only if that transaction is; asking costs nothing. The savepoint comes after it: an error
    would take the setting back with it. What a test sets in its place the rollback to the savepoint takes back.
    """

    manners = ("cursor_factory", "server_cursor_factory", "row_factory", "prepare_threshold")
    _name = ""
    _names: dict[int, str]
    """What each level's savepoint goes back to."""
    _beginning = ""
    """What begins the transaction, until it is sent along with the first savepoint."""

    def get_connection_params(self) -> Any:
        return {"connect_timeout": _CONNECT_SECONDS, **super().get_connection_params()}

    def init_connection_state(self) -> None:
        """Hold the driver's own cursors and methods to the rules; psycopg2's can't be."""
        if not hasattr(self.connection, "pgconn"):
            self.owner.refuse(f"database {self.alias!r} has the driver psycopg2, and the guard needs psycopg 3")
        super().init_connection_state()
        self.connection.cursor_factory = checked_cursors(self.connection.cursor_factory, self._check_driver)
        check_methods(self.connection, ("commit", "rollback"), self._check_method)

    def _start_transaction_under_autocommit(self) -> None:
        """Let the first savepoint begin; the driver stays in autocommit and so does nothing of its own."""
        if not self.is_open:
            self._set_autocommit(autocommit=False)  # type: ignore[attr-defined]
            return
        self._name = f"smoketest {os.getpid()} {time.monotonic_ns()}"
        self._names = {}
        isolation = self.connection.isolation_level  # None: the server's own
        mode = f" ISOLATION LEVEL {isolation.name.replace('_', ' ')}" if isolation else ""
        self._beginning = f"BEGIN{mode}; SET LOCAL application_name = '{self._name}'; "

    def _set_savepoint(self, level: int, seconds: float) -> None:
        """Do all of it, and begin if that is due, in one round trip."""
        beginning, self._beginning = self._beginning, ""
        self._plain_execute(f"{beginning}SAVEPOINT smoketest_{level}; {_limits(seconds)}")
        self._names[level] = self._reported_name()

    def _roll_back_to(self, level: int) -> None:
        """Set the limits anew: they go back to those that the outer level began with, and its tear-down is late."""
        self._plain_execute(f"ROLLBACK TO SAVEPOINT smoketest_{level}; {_limits(self._seconds_left())}")

    def _reported_name(self) -> str:
        return str(self.connection.info.parameter_status("application_name"))

    def _plain_execute(self, sql: str) -> None:
        """Never prepare it, whatever the project has set: several statements at once can't be.

        By the driver's own cursor: a `cursor_factory` of the project's need not know of `prepare`.
        """
        with closing(self.Database.Cursor(self.connection)) as cursor:  # type: ignore[attr-defined]
            cursor.execute(sql, prepare=False)

    def _undo(self, mark: Mark, *, is_last: bool) -> bool:
        raw = self.connection
        if raw is None or raw.closed or int(raw.info.transaction_status) not in _IN_TRANSACTION:
            return False
        if is_last and self._reported_name() == self._name:
            return True
        return super()._undo(mark, is_last=is_last) and self._reported_name() == self._names[mark.level]

    def abandon(self) -> None:
        """Cancel what runs; where that does not help cut the connection, so that the server rolls back."""
        raw = self.__dict__["connection"]
        if raw is None:
            return
        with suppress(Exception):
            if int(raw.pgconn.transaction_status) == _ACTIVE:
                raw.cancel_safe(timeout=_CANCEL_SECONDS)
                time.sleep(_GRACE_SECONDS)
        self._cut()


def _limits(seconds: float) -> str:
    lock_ms, idle_ms = int(min(seconds, LOCK_SECONDS) * 1000), int((seconds + _IDLE_SECONDS) * 1000)
    return (
        f"SET LOCAL statement_timeout = {int(seconds * 1000)}; SET LOCAL lock_timeout = {lock_ms};"
        f" SET LOCAL idle_in_transaction_session_timeout = {idle_ms}"
    )
