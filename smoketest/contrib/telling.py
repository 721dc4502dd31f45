"""Turns what goes wrong inside a ready-made test into a sentence for the one who is on call."""

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import SkipTest
from urllib.parse import urlsplit, urlunsplit

from smoketest.errors import SmokeTestError
from smoketest.failures import message_of


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


def without_secrets(url: str) -> str:
    """Return a URL without user, password, query and fragment: any of them may hold a secret."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
