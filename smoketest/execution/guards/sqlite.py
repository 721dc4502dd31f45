"""SQLite: the library itself denies COMMIT while a test runs."""

import sqlite3
import time
from contextlib import suppress
from typing import Any

from smoketest.execution.guards.connection import LOCK_SECONDS, GuardedConnection

_GRACE_SECONDS = 0.05
_SQLITE_TRANSACTION = 22
"""https://www.sqlite.org/c3ref/c_alter_table.html"""


class GuardedSQLite(GuardedConnection):
    """A guarded SQLite connection."""

    def init_connection_state(self) -> None:
        """Install the authorizer once: to set it anew would expire all prepared statements."""
        super().init_connection_state()
        self.connection.set_authorizer(self._authorize)

    def _authorize(self, action: int, operation: str | None, *_rest: object) -> int:
        is_commit = action == _SQLITE_TRANSACTION and operation == "COMMIT"
        return sqlite3.SQLITE_DENY if is_commit and self.is_open else sqlite3.SQLITE_OK

    def _limit_statements(self, seconds: float) -> None:
        self._plain_execute(f"PRAGMA busy_timeout = {int(min(seconds, LOCK_SECONDS) * 1000)}")

    def abandon(self) -> None:
        """Interrupt what runs, then roll back from here: the library is thread-safe, and the file lock goes."""
        raw: Any = self.__dict__["connection"]
        if raw is None:
            return
        with suppress(Exception):
            raw.interrupt()
            time.sleep(_GRACE_SECONDS)
            if self.is_open and raw.in_transaction:
                raw.rollback()
