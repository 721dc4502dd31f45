"""Connections that a test opens beside the guard: told of, and what is written by them is refused or told."""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from asgiref.sync import SyncToAsync
from django.db.backends.base.base import BaseDatabaseWrapper

from smoketest.errors import GuardViolation
from smoketest.execution.guards import statements
from smoketest.execution.guards.connection import GuardedConnection
from smoketest.execution.guards.own_connections import put_back_here
from smoketest.execution.leftovers import name_of, of_context, of_thread


def note_connection(connection: BaseDatabaseWrapper, **_: object) -> None:
    """Tell of a connection that a test's code opens in a thread of its own; a receiver of `connection_created`.

    Others' connections are left alone: it is the test's by the context that it is opened in, or by who started the
    thread.
    """
    leftovers = of_context() or of_thread()
    if not leftovers or not leftovers.is_guarded or isinstance(connection, GuardedConnection):
        return
    name = name_of(threading.current_thread())
    leftovers.tell(f"database {connection.alias!r}: a connection was opened outside the guard, in thread {name}")
    leftovers.mend_by(lambda: _close(connection))
    connection.execute_wrappers.insert(0, _watch)


def _watch(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 (Django's signature)
    """Refuse to write where the code is a test's for sure; only tell where it may be a pool's that others use too."""
    text, alias = str(sql), context["connection"].alias
    if statements.may_write_alone(text):
        if leftovers := of_context():
            violation = f"database {alias!r}: refused outside the guard: {statements.shown(text)}"
            leftovers.accuse(violation)
            raise GuardViolation(violation)
        if leftovers := of_thread():
            leftovers.accuse(f"database {alias!r}: written outside the guard, it may stay: {statements.shown(text)}")
    return execute(sql, params, many, context)


def _close(connection: BaseDatabaseWrapper) -> None:
    """Close a connection of the test's own thread here, and one of asgiref's for all `asyncio.run`s in there."""
    put_back_here()
    with suppress(Exception):
        connection.close()
        return
    SyncToAsync.single_thread_executor.submit(connection.close)  # raises in there, unheard, if it is another thread's
