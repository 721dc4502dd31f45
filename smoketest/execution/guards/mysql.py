"""MariaDB and MySQL: a transaction that the server itself refuses to commit, by XA."""

import math
import time
from contextlib import closing, suppress
from typing import Any

from smoketest.execution.guards.bookkeeping import Mark
from smoketest.execution.guards.connection import LOCK_SECONDS
from smoketest.execution.guards.driver import check_methods, checked_cursors
from smoketest.execution.guards.server import GuardedServerConnection
from smoketest.execution.guards.statements import shown, written_tables

_CONNECT_SECONDS = 3
_READ_SECONDS = 30
"""At least; longer where the test may take longer. A half-open connection must not hold its thread for ever."""
_MORE_SECONDS = 5
_KILL_LIMITS = {
    "connect_timeout": _CONNECT_SECONDS,
    "read_timeout": _CONNECT_SECONDS,
    "write_timeout": _CONNECT_SECONDS,
}
_PLAIN_TABLES = """
    SELECT tables.table_name FROM information_schema.tables AS tables
    JOIN information_schema.engines AS engines ON engines.engine = tables.engine
    WHERE tables.table_schema = DATABASE() AND engines.transactions <> 'YES'
"""
_NOT_ROLLED_BACK = 1196
"""https://mariadb.com/kb/en/e1196/"""


class GuardedMySQL(GuardedServerConnection):
    """A guarded MariaDB or MySQL connection.

    Between XA START and XA END the server refuses COMMIT, ROLLBACK and all statements with an implicit commit,
    the driver's own `commit()` too: https://mariadb.com/kb/en/xa-transactions/
    """

    manners = ("cursorclass",)
    _transaction = ""
    _limits: tuple[float, int] | None = None
    _thread_id = 0
    _opened_at = 0.0
    _plain_tables: frozenset[str] | None = None
    """Those without transactions (MyISAM, Aria), in lower case; None until somebody writes."""
    _has_written = False
    _parameters: dict[str, Any]
    _read_seconds = 0

    def get_connection_params(self) -> Any:
        left = self.owner.seconds_left() if self.is_open else 0.0
        self._read_seconds = max(_READ_SECONDS, math.ceil(left) + _MORE_SECONDS)
        limits = {
            "connect_timeout": _CONNECT_SECONDS,
            "read_timeout": self._read_seconds,
            "write_timeout": self._read_seconds,
        }
        self._parameters = {**limits, **super().get_connection_params()}
        return self._parameters

    def init_connection_state(self) -> None:
        """Remember the server's thread: a busy driver can't be asked for it from outside."""
        super().init_connection_state()
        self._thread_id = self.connection.thread_id()
        self._opened_at = time.monotonic()
        self._limits = None
        self._plain_tables = None
        self.connection.cursorclass = checked_cursors(self.connection.cursorclass, self._check_driver)
        check_methods(self.connection, ("commit", "rollback", "autocommit"), self._check_method)

    def _renew(self) -> None:
        """Drop a connection, too, that would not wait for an answer for as long as the test may take."""
        if self._read_seconds < self.owner.seconds_left():
            self._drop()
        super()._renew()

    def _start_transaction_under_autocommit(self) -> None:
        if not self.is_open:
            self._set_autocommit(autocommit=False)  # type: ignore[attr-defined]
            return
        self._transaction = f"smoketest{time.monotonic_ns()}"
        self._plain_execute(f"XA START '{self._transaction}'")

    def _limit_statements(self, seconds: float) -> None:
        limits = (round(seconds, 1) or 0.1, int(max(1, min(seconds, LOCK_SECONDS))))
        if limits == self._limits:
            return  # the session keeps them
        limit = f"max_statement_time = {limits[0]}"
        if not self.mysql_is_mariadb:  # type: ignore[attr-defined]
            limit = f"max_execution_time = {int(limits[0] * 1000)}"  # SELECT only, but there is nothing better
        locks = f"innodb_lock_wait_timeout = {limits[1]}, lock_wait_timeout = {limits[1]}"
        self._plain_execute(f"SET SESSION {limit}, {locks}")
        self._limits = limits

    def _set_savepoint(self, level: int, seconds: float) -> None:
        """Set none for the first level: XA itself tells whether the transaction is still ours."""
        if self._marks:
            super()._set_savepoint(level, seconds)
        else:
            self._limit_statements(seconds)

    def _before_write(self, sql: str) -> None:
        """Refuse to write to a table that is not rolled back, where the statement names it."""
        super()._before_write(sql)
        self._has_written = True
        if self._plain_tables is None:
            self._plain_tables = self._find_plain_tables()
        for table in written_tables(sql):
            if table.lower() in self._plain_tables:
                self._refuse(f"refused, table {table} has no transactions: {shown(sql)}")

    def _find_plain_tables(self) -> frozenset[str]:
        with closing(self.connection.cursor()) as cursor:
            cursor.execute(_PLAIN_TABLES)
            return frozenset(name.lower() for (name,) in cursor.fetchall())

    def _tell_what_stays(self) -> None:
        """Ask what the rollback has left out; a trigger may have written it."""
        has_written, self._has_written = self._has_written, False
        if has_written and any(code == _NOT_ROLLED_BACK for _, code, _ in self.connection.show_warnings()):
            self.owner.remember(f"database {self.alias!r}: a table without transactions was written to, which stays")

    def _undo(self, mark: Mark, *, is_last: bool) -> bool:
        if not is_last:
            return super()._undo(mark, is_last=is_last)
        try:
            self._plain_execute(f"XA END '{self._transaction}'")
            self._plain_execute(f"XA ROLLBACK '{self._transaction}'")
            self._tell_what_stays()
        except Exception:  # noqa: BLE001 (drivers have no common error, and the answer is the same for each)
            return False
        return True

    def _roll_back_all(self) -> None:
        """Do nothing: `_undo` has ended the transaction."""

    def abandon(self) -> None:
        """Cut the connection, so that the server rolls back; it notices only when no statement runs, so kill that."""
        if self.__dict__["connection"] is None:
            return
        self._cut()
        with (
            suppress(Exception),
            closing(self.get_new_connection(self._parameters | _KILL_LIMITS)) as other,
            closing(other.cursor()) as cursor,
        ):
            if not self._has_restarted(cursor):
                cursor.execute(f"KILL CONNECTION {self._thread_id}")

    def _has_restarted(self, cursor: Any) -> bool:
        """Tell whether the server is younger than the connection: the thread's number is somebody else's then."""
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Uptime'")
        ((_, uptime_seconds),) = cursor.fetchall()
        return int(uptime_seconds) + 1 < time.monotonic() - self._opened_at
