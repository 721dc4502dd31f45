"""SQLite: the library itself denies COMMIT while a test runs."""

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from django.db import OperationalError

from smoketest.execution import native
from smoketest.execution.guards.connection import LOCK_SECONDS, GuardedConnection

_GRACE_SECONDS = 0.05
_SQLITE_PRAGMA = 19
_SQLITE_TRANSACTION = 22
_ATTACHING = {24: "ATTACH", 25: "DETACH"}
"""https://www.sqlite.org/c3ref/c_alter_table.html"""
_ONLY_ASKS = re.compile(r"(?i)_(?:x?info|list|check)$")
"""The pragmas whose argument is a question, not a value to set."""


class GuardedSQLite(GuardedConnection):
    """A guarded SQLite connection."""

    manners = ("isolation_level", "row_factory", "text_factory")
    _busy_ms = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what Django gives."""
        super().__init__(*args, **kwargs)
        self._in_use = native.make_lock()

    def get_connection_params(self) -> Any:
        parameters = super().get_connection_params()
        factory = parameters.get("factory", sqlite3.Connection)
        return {**parameters, "factory": _checked(factory, self._check_method, self._in_use)}

    def init_connection_state(self) -> None:
        """Install the authorizer once: to set it anew would expire all prepared statements."""
        super().init_connection_state()
        self._busy_ms = 0
        sqlite3.Connection.set_authorizer(self.connection, self._authorize)

    def _authorize(self, action: int, name: str | None, value: str | None, *_rest: object) -> int:
        if self.is_begun and action == _SQLITE_PRAGMA and value is not None:
            self._is_altered = self._is_altered or not _ONLY_ASKS.search(name or "")
        if not self.is_open or not (denied := self._denied(action, name or "")):
            return sqlite3.SQLITE_OK
        self.owner.remember(f"database {self.alias!r}: {denied} denied")
        return sqlite3.SQLITE_DENY

    def _denied(self, action: int, operation: str) -> str:
        if action == _SQLITE_TRANSACTION and operation == "COMMIT":
            return operation
        if not self.is_begun or self.owner.is_abandoned:
            return ""
        if action == _SQLITE_TRANSACTION and operation == "ROLLBACK":
            return operation
        return _ATTACHING.get(action, "")

    def _start_transaction_under_autocommit(self) -> None:
        """Lock nothing before it is needed, whatever `transaction_mode` production has."""
        if self.is_open:
            self._plain_execute("BEGIN")
        else:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]

    def _filter(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 (Django's signature)
        """Begin anew where others have written since the test has read, which has written nothing yet itself.

        SQLite refuses that at once. Outside `atomic` it is the guard's transaction alone that is in the way.
        """
        try:
            return super()._filter(execute, sql, params, many, context)
        except OperationalError as error:
            is_too_old = getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY_SNAPSHOT
            is_used_up = isinstance(params, Iterator)  # by executemany(): what it has given would be left out
            if not is_too_old or is_used_up or any(self.savepoint_ids):
                raise
        self._open_by(self._begin_anew)
        return super()._filter(execute, sql, params, many, context)

    def _begin_anew(self) -> None:
        for sql in ("ROLLBACK", "BEGIN", *(f"SAVEPOINT smoketest_{mark.level}" for mark in self._marks)):
            self._plain_execute(sql)

    def _limit_statements(self, seconds: float) -> None:
        busy_ms = int(min(seconds, LOCK_SECONDS) * 1000)
        if busy_ms != self._busy_ms:  # the session keeps it
            self._plain_execute(f"PRAGMA busy_timeout = {busy_ms}")
            self._busy_ms = busy_ms

    def abandon(self) -> None:
        """Interrupt what runs, then roll back from here: the library is thread-safe, and the file lock goes.

        What the test does on the driver's connection after that would be in no transaction, so it may only read.
        """
        raw: Any = self.__dict__["connection"]
        if raw is None:
            return
        self._use(raw.interrupt)
        time.sleep(_GRACE_SECONDS)
        self._use(lambda: self._roll_back_for_good(raw))

    def _use(self, act: Callable[[], None]) -> None:
        """Do that from another thread, unless the test's own closes the connection, which rolls back as well."""
        if self._in_use.acquire(blocking=False):
            try:
                with suppress(Exception):
                    act()
            finally:
                self._in_use.release()

    def _roll_back_for_good(self, raw: sqlite3.Connection) -> None:
        if self.is_held:
            raw.execute("PRAGMA query_only = ON")
            raw.rollback()


def _checked(factory: type[sqlite3.Connection], check: Callable[[str], None], in_use: Any) -> type[sqlite3.Connection]:
    """Return the driver's connection class with `check` called before what would get around the guard.

    The library does not survive a connection that one thread closes while another uses it: that waits for `in_use`.
    """

    class CheckedConnection(factory):  # type: ignore[misc, valid-type]
        def close(self) -> None:
            with in_use:
                super().close()

        def commit(self) -> None:
            check("commit")
            super().commit()

        def rollback(self) -> None:
            check("rollback")
            super().rollback()

        def set_authorizer(self, callback: Any) -> None:
            check("set_authorizer")
            super().set_authorizer(callback)

    return CheckedConnection
