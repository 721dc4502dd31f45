"""Turns what goes wrong inside a ready-made test into a sentence for the one who is on call."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TypeVar
from unittest import SkipTest
from urllib.parse import urlsplit, urlunsplit

from smoketest.errors import SmokeTestError
from smoketest.failures import message_of

T = TypeVar("T")


@contextmanager
def told(wrong: str, *, mend: str) -> Iterator[None]:
    """Fail the test with what is wrong, the error's own words and the mend, should anything be raised inside."""
    try:
        yield
    except (AssertionError, SkipTest):
        raise
    except Exception as error:  # drivers and backends have no common error, and each means the same here
        words = str(error) if isinstance(error, SmokeTestError) else message_of(error)
        message = f"{wrong}: {words.rstrip('.')}. {mend}"
        raise AssertionError(message) from error


def require(is_so: object, otherwise: str) -> None:
    """Fail the test with a sentence, and that alone, unless something is so."""
    if not is_so:
        raise AssertionError(otherwise)


def listed(entries: Collection[T], name: str) -> Collection[T]:
    """Return what a test is to look at, or fail it where that is nothing: an empty list must not be a PASS."""
    require(entries, f"{name} is empty, so there is nothing to look at. List something, or remove the test")
    return entries


def without_secrets(url: str) -> str:
    """Return a URL without user, password, query and fragment: any of them may hold a secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
