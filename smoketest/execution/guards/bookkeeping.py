"""What Django keeps of a connection's transaction, and how it is set back when that is undone below Django."""

from typing import NamedTuple, Self

from django.db.backends.base.base import BaseDatabaseWrapper


class Mark(NamedTuple):
    """How deep Django's own bookkeeping stood when a level began."""

    level: int
    atomic_blocks: int = 0
    savepoints: int = 0
    on_commit: int = 0

    @classmethod
    def take(cls, level: int, connection: BaseDatabaseWrapper) -> Self:
        """Return where it stands now."""
        return cls(level, len(connection.atomic_blocks), len(connection.savepoint_ids), len(connection.run_on_commit))

    def restore(self, connection: BaseDatabaseWrapper) -> None:
        """Set it to where it stood."""
        connection.needs_rollback = False
        connection.in_atomic_block = True
        del connection.atomic_blocks[self.atomic_blocks :]
        del connection.savepoint_ids[self.savepoints :]
        del connection.run_on_commit[self.on_commit :]


def forget_transaction(connection: BaseDatabaseWrapper) -> None:
    """Set it to where it stands on a new connection."""
    connection.run_on_commit = []
    connection.atomic_blocks = []
    connection.savepoint_ids = []
    connection.savepoint_state = 0
    connection.in_atomic_block = connection.needs_rollback = connection.closed_in_transaction = False
    connection.errors_occurred = False


def has_transactions(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether the database has transactions, without trying it out."""
    declared = getattr(type(connection.features), "supports_transactions", True)
    if isinstance(declared, bool):
        return declared
    # Django's fallback creates a table to find out, and does it in production: only MySQL's own way is asked.
    return connection.vendor != "mysql" or bool(connection.features.supports_transactions)
