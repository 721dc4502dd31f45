"""Tells which errors are a database's word for a test's own time limit, which the guard hands down to it."""

import time
from collections.abc import Iterator

from smoketest.clock import Clock

MARGIN_SECONDS = 0.05
"""So much before the test's own limit a database ends a statement, and the thread stays whole."""
_INACCURACY_SECONDS = 0.15
"""MariaDB's limit is set in tenths, and it takes a while until the error is here."""
_QUERY_CANCELED = "57014"
"""https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_STATEMENT_TIMEOUTS = (1969, 3024)
"""MariaDB's and MySQL's: https://mariadb.com/kb/en/mariadb-error-code-reference/"""


def is_time_limit(error: BaseException, clock: Clock) -> bool:
    """Tell whether a database ended a statement for the test's own limit, not for a shorter one that it has set."""
    if clock.deadline - time.monotonic() > MARGIN_SECONDS + _INACCURACY_SECONDS:
        return False
    return any(
        getattr(each, "sqlstate", None) == _QUERY_CANCELED or _number(each) in _STATEMENT_TIMEOUTS
        for each in _chain(error)
    )


def _number(error: BaseException) -> int:
    return error.args[0] if error.args and type(error.args[0]) is int else 0


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
