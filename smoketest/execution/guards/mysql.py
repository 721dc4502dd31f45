"""MariaDB and MySQL: a transaction that the server itself refuses to commit, by XA."""

import time
from contextlib import closing, suppress
from typing import Any

from smoketest.execution.guards.connection import LOCK_SECONDS, GuardedConnection, Mark

_GRACE_SECONDS = 0.05
_CONNECT_SECONDS = 3
_READ_SECONDS = 30


class GuardedMySQL(GuardedConnection):
    """A guarded MariaDB or MySQL connection.

    Between XA START and XA END the server refuses COMMIT, ROLLBACK and all statements with an implicit commit,
    the driver's own `commit()` too: https://mariadb.com/kb/en/xa-transactions/
    """

    _transaction = ""
    _limits: tuple[float, int] | None = None
    _thread_id = 0
    _parameters: dict[str, Any]

    def get_connection_params(self) -> Any:
        limits = {"connect_timeout": _CONNECT_SECONDS, "read_timeout": _READ_SECONDS, "write_timeout": _READ_SECONDS}
        self._parameters = {**limits, **super().get_connection_params()}
        return self._parameters

    def init_connection_state(self) -> None:
        """Remember the server's thread: a busy driver can't be asked for it from outside."""
        super().init_connection_state()
        self._thread_id = self.connection.thread_id()
        self._limits = None

    def _start_transaction_under_autocommit(self) -> None:
        if not self.is_open:
            self._set_autocommit(autocommit=False)  # type: ignore[attr-defined]
            return
        self._transaction = f"smoketest{time.monotonic_ns()}"
        self._plain_execute(f"XA START '{self._transaction}'")

    def _descriptor(self) -> int | None:
        raw = self.connection
        with suppress(AttributeError):  # PyMySQL's stream is gone once it knows that the connection is
            return int(raw.fileno() if hasattr(raw, "fileno") else raw._sock.fileno())  # noqa: SLF001
        return None

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

    def _undo(self, mark: Mark, *, is_last: bool) -> bool:
        if not is_last:
            return super()._undo(mark, is_last=is_last)
        try:
            self._plain_execute(f"XA END '{self._transaction}'")
            self._plain_execute(f"XA ROLLBACK '{self._transaction}'")
        except Exception:  # noqa: BLE001 (drivers have no common error, and the answer is the same for each)
            return False
        return True

    def _roll_back_all(self) -> None:
        """Do nothing: `_undo` has ended the transaction."""

    def abandon(self) -> None:
        """Kill the statement that runs, then the connection, so that the server rolls back."""
        if self.__dict__["connection"] is None:
            return
        with (
            suppress(Exception),
            closing(self.get_new_connection(self._parameters)) as other,
            closing(other.cursor()) as cursor,
        ):
            cursor.execute(f"KILL QUERY {self._thread_id}")
            time.sleep(_GRACE_SECONDS)
            if self.is_open:
                cursor.execute(f"KILL CONNECTION {self._thread_id}")
