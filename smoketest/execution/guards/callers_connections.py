"""The guard on connections that are in use already: inside a project's own tests, on the caller's thread."""

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import Any

from django.db import connections, transaction

from smoketest.clock import Clock
from smoketest.execution.leftovers import start_watch, stop_watch


class CallersConnections:
    """Rolls back what a test writes, by savepoints where a transaction is open already.

    The tests see the caller's uncommitted data, and nothing stops one that commits on purpose: outside a
    transaction of `TestCase` this is a test database.
    """

    def violations(self) -> list[str]:
        """Return nothing: nothing is watched."""
        return []

    def abandon(self) -> None:
        """Do nothing: nobody can leave the caller's own thread."""

    def close(self) -> None:
        """Do nothing: the connections are the caller's."""

    def unguarded(self) -> AbstractContextManager[None]:
        """Return a context that does nothing: the connections are the caller's."""
        return nullcontext()

    @contextmanager
    def level(self, databases: Collection[str], clock: Clock | None = None) -> Iterator[None]:  # noqa: ARG002
        """Roll back at its end all that is written inside; no limit is set on the caller's own connections."""
        with ExitStack() as stack:
            for alias in _usable():
                if databases == "__all__" or alias in databases:
                    stack.enter_context(_rolled_back(alias))
            yield


@contextmanager
def _rolled_back(alias: str) -> Iterator[None]:
    connection = connections[alias]
    _open(connection)
    atomic = transaction.atomic(using=alias)
    atomic._from_testcase = True  # type: ignore[attr-defined] # noqa: SLF001 (durable blocks work below it, as below TestCase)
    with atomic:
        blocks, savepoints, on_commit = (
            len(connection.atomic_blocks),
            len(connection.savepoint_ids),
            len(connection.run_on_commit),
        )
        try:
            yield
        finally:
            # What the test left open or broken must not be taken for the caller's.
            del connection.atomic_blocks[blocks:]
            del connection.savepoint_ids[savepoints:]
            del connection.run_on_commit[on_commit:]
            connection.in_atomic_block = True
            connection.needs_rollback = False
            transaction.set_rollback(True, using=alias)


def _open(connection: Any) -> None:
    """Open the connection here, where it is the guard that does it and not a test that gets around it."""
    token = start_watch(None)
    connection.ensure_connection()
    stop_watch(token)


def is_inside_test_case() -> bool:
    """Tell whether the caller's thread is inside the transaction of one of Django's TestCases."""
    return bool(_of_test_case())


def _usable() -> list[str]:
    """Return the databases to guard: a TestCase forbids the use of those that are not its own."""
    return _of_test_case() or list(connections)


def _of_test_case() -> list[str]:
    return [
        connection.alias
        for connection in connections.all(initialized_only=True)
        if connection.in_atomic_block and connection.atomic_blocks[0]._from_testcase  # type: ignore[attr-defined] # noqa: SLF001
    ]
