"""Keeps what one test prints and logs, in whatever thread it runs, and passes on everything else."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from io import StringIO
from typing import IO, Any

from smoketest.failures import MOST_CHARACTERS


@dataclass(frozen=True, kw_only=True, slots=True)
class Captured:
    """What one test has written so far."""

    stdout: StringIO = field(default_factory=StringIO)
    stderr: StringIO = field(default_factory=StringIO)
    logs: StringIO = field(default_factory=StringIO)


_current: ContextVar[Captured | None] = ContextVar("smoketest_captured", default=None)


@contextmanager
def capture() -> Iterator[Captured]:
    """Keep what the code inside prints and logs (WARNING and above), and nothing that others do meanwhile.

    The streams are replaced by ones that look at the context, once and for good: a swap and a swap back would
    mix up tests that run at the same time. Memory is bounded however much a test writes.
    """
    _install()
    captured = Captured()
    token = _current.set(captured)
    try:
        yield captured
    finally:
        _current.reset(token)


class _Stream:
    """Stands in for `sys.stdout` or `sys.stderr`."""

    def __init__(self, name: str, original: IO[str]) -> None:
        self._name = name
        self._original = original

    def write(self, text: str) -> int:
        captured = _current.get()
        if captured is None:
            return self._original.write(text)
        return _keep(getattr(captured, self._name), text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


class _Handler(logging.Handler):
    """Keeps the log records of the test in whose context they are made."""

    def handle(self, record: logging.LogRecord) -> bool:
        # No lock, as logging's own handlers take: every record of the process comes by here.
        captured = _current.get()
        if captured is not None:
            _keep(captured.logs, f"{record.levelname} {record.name}: {_words(record)}\n")
        return True


def _install() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, _Stream):
            setattr(sys, name, _Stream(name, stream))
    root = logging.getLogger()
    if not any(isinstance(handler, _Handler) for handler in root.handlers):
        root.addHandler(_Handler(logging.WARNING))


def _words(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 (a record's arguments may be anything)
        return f"{record.msg!r} ({type(error).__qualname__} in its arguments)"


def _keep(stream: StringIO, text: str) -> int:
    # Twice what is kept, so that the cut in the middle has both ends of an ordinary output.
    if stream.tell() < 2 * MOST_CHARACTERS:
        stream.write(text[: 2 * MOST_CHARACTERS])
    return len(text)
