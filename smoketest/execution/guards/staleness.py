"""Tells which connection is not to be used again; one that answers is not asked each time."""

import select

from django.db.backends.base.base import BaseDatabaseWrapper

_UNUSED_SECONDS = 1.0
"""A connection unused for so long is looked at before it is used again."""


def is_stale(connection: BaseDatabaseWrapper, *, unused_seconds: float, descriptor: int | None) -> bool:
    """Tell whether an open connection is broken, or was left inside a transaction by a test marked `@commits`.

    On `descriptor` its server answers, if there is one.
    """
    is_left_open = connection.in_atomic_block or not connection.get_autocommit()
    if is_left_open or connection.errors_occurred:
        return True
    is_doubtful = unused_seconds > _UNUSED_SECONDS or _has_news(descriptor)
    return is_doubtful and not connection.is_usable()


def _has_news(descriptor: int | None) -> bool:
    """Tell whether the server has sent what nobody asked for: that it closes the connection, as a rule."""
    if descriptor is None:
        return False
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))
