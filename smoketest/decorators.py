"""The marks that a test's author puts on a method or a class.

Each mark is a plain attribute, so that `slow = True` in a class body does the same as `@slow` on the class.
"""

import math
from collections.abc import Callable
from typing import Any, TypeVar

Marked = TypeVar("Marked", bound=Callable[..., Any])


def slow(marked: Marked) -> Marked:
    """Leave a test, or all of a class, out of the fast runs."""
    return _mark(marked, "slow", value=True)


def rolled_back(marked: Marked) -> Marked:
    """Say out loud what is the default: all that the test writes to a database is rolled back."""
    return _mark(marked, "rolled_back", value=True)


def commits(marked: Marked) -> Marked:
    """Let a test, or all of a class, write to the databases for good; the report names it."""
    return _mark(marked, "rolled_back", value=False)


def timeout(seconds: float) -> Callable[[Marked], Marked]:
    """Give a test, or each test of a class, its own time limit in seconds.

    Raises TypeError or ValueError unless `seconds` is a finite number above 0.
    """
    limit = check_timeout(seconds)
    return lambda marked: _mark(marked, "timeout", value=limit)


def tag(*tags: str) -> Callable[[Marked], Marked]:
    """Add tags to a test or a class, to select by; `django.test.tag` does the same."""
    return lambda marked: _mark(marked, "tags", value=set(tags) | getattr(marked, "tags", set()))


def check_timeout(seconds: object) -> float:
    """Return `seconds` as a float, or raise TypeError or ValueError with what is wanted."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        message = f"timeout is {seconds!r}; a number of seconds is wanted, as in @timeout(2.5)"
        raise TypeError(message)
    limit = as_float(seconds)
    if not (math.isfinite(limit) and limit > 0):
        message = f"timeout is {seconds!r}; a finite number of seconds above 0 is wanted"
        raise ValueError(message)
    return limit


def as_float(number: float) -> float:
    """Return a number as a float; a whole number that is too large for one is infinite."""
    try:
        return float(number)
    except OverflowError:
        return math.inf


def _mark(marked: Marked, name: str, *, value: object) -> Marked:
    setattr(marked, name, value)
    return marked
