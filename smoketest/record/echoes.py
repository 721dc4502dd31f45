"""Answers of workers to the test that asks whether a message comes through: a key each, gone after a minute."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from smoketest.record.clients import Client

_PREFIX = "smoketest:echo:"
_KEEP_SECONDS = 60
_MARGIN_SECONDS = 2.0
"""So much longer than Redis' own wait the socket waits for it to answer."""


def leave(url: str, word: str) -> None:
    """Answer to whoever waits for the word; raises QueueUnavailableError as `wait` does."""
    with _open(url, _MARGIN_SECONDS) as server, server.pipeline() as pipe:
        pipe.lpush(_PREFIX + word, 1)
        pipe.expire(_PREFIX + word, _KEEP_SECONDS)
        pipe.execute()


def wait(url: str, word: str, seconds: float) -> bool:
    """Tell whether the answer comes within that time; raises QueueUnavailableError where Redis does not answer."""
    with _open(url, seconds + _MARGIN_SECONDS) as server:
        return server.blpop([_PREFIX + word], seconds) is not None


@contextmanager
def _open(url: str, timeout_seconds: float) -> Iterator[Any]:
    with Client(url, timeout_seconds=timeout_seconds).answering() as server:
        try:
            yield server
        finally:
            server.close()
