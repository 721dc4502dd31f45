"""Connections that a test opens beside the guard: told of, and what is written by them is refused or told."""

import threading
from collections.abc import Callable
from typing import Any

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
    if _watch not in connection.execute_wrappers:
        connection.execute_wrappers.insert(0, _watch)


def _watch(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001 (Django's signature)
    """Refuse to write where the code is a test's for sure; only tell where it may be a pool's that others use too."""
    leftovers = of_context() or of_thread()  # asked first: when the test is over others may use the connection
    if leftovers and leftovers.is_guarded and statements.may_write_alone(text := str(sql)):
        alias = context["connection"].alias
        if leftovers is of_context():
            violation = f"database {alias!r}: refused outside the guard: {statements.shown(text)}"
            leftovers.accuse(violation)
            raise GuardViolation(violation)
        leftovers.accuse(f"database {alias!r}: written outside the guard, it may stay: {statements.shown(text)}")
    return execute(sql, params, many, context)


def _close(connection: BaseDatabaseWrapper) -> None:
    """Close a connection of the test's own thread."""
    put_back_here()
    connection.close()  # raises, unheard, if it is another thread's
