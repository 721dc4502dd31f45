"""Keeps what one test prints and logs, in whatever thread it runs, and passes on everything else."""

import logging
import sys
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar, Token
from typing import IO, Any

from smoketest.failures import MOST_CHARACTERS, join_cut

_HALF = MOST_CHARACTERS // 2


class _Text:
    """The beginning and the end of what is written; in bounded memory, however much it is."""

    def __init__(self) -> None:
        self._head = ""
        self._tail: deque[str] = deque()
        self._tail_length = 0
        self._length = 0

    def write(self, text: str) -> None:
        self._length += len(text)
        room = _HALF - len(self._head)
        self._head += text[:room]
        if rest := text[room:][-_HALF:]:
            self._tail.append(rest)
            self._tail_length += len(rest)
        while self._tail_length - len(self._tail[0] if self._tail else "") >= _HALF:
            self._tail_length -= len(self._tail.popleft())

    def __str__(self) -> str:
        tail = "".join(self._tail)[-_HALF:]
        return join_cut(self._head, tail, left_out=self._length - len(self._head) - len(tail))


class Captured:
    """What one test has written so far."""

    def __init__(self) -> None:
        """Begin with nothing; most tests write nothing."""
        self._texts: dict[str, _Text] = {}

    def text(self, name: str) -> str:
        """Return what went to `stdout`, `stderr` or `logs`, cut in the middle to what may be kept."""
        written = self._texts.get(name)
        return str(written) if written else ""

    def keep(self, name: str, text: str) -> int:
        """Keep what is written to one of them."""
        self._texts.setdefault(name, _Text()).write(text)
        return len(text)


_current: ContextVar[Captured | None] = ContextVar("smoketest_captured", default=None)


def start_capture(captured: Captured) -> Token[Captured | None]:
    """Keep what this context prints and logs (WARNING and above) from now on, and nothing that others do meanwhile.

    The streams are replaced by ones that look at the context, once and for good: a swap and a swap back would
    mix up tests that run at the same time.
    """
    _install()
    return _current.set(captured)


def stop_capture(token: Token[Captured | None]) -> None:
    """End what `start_capture` began."""
    _current.reset(token)


class _Stream:
    """Stands in for `sys.stdout` or `sys.stderr`."""

    def __init__(self, name: str, original: IO[str]) -> None:
        self._name = name
        self._original = original

    def write(self, text: str) -> int:
        captured = _current.get()
        return self._original.write(text) if captured is None else captured.keep(self._name, text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def close(self) -> None:
        """Do nothing: the stream is the process', not a test's."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


class _RecordFactory:
    """Stands in for logging's record factory: it sees each record, and changes nothing of how they are handled.

    A handler on the root logger would: `basicConfig` and the handler of last resort look whether there is one.
    """

    def __init__(self, original: Callable[..., logging.LogRecord]) -> None:
        self._original = original

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._original(*args, **kwargs)
        captured = _current.get()
        if captured is not None and record.levelno >= logging.WARNING:
            captured.keep("logs", f"{record.levelname} {record.name}: {_words(record)}\n")
        return record


def _install() -> None:
    if not isinstance(sys.stdout, _Stream) and sys.stdout is not None:
        sys.stdout = _Stream("stdout", sys.stdout)
    if not isinstance(sys.stderr, _Stream) and sys.stderr is not None:
        sys.stderr = _Stream("stderr", sys.stderr)
    factory = logging.getLogRecordFactory()
    if not isinstance(factory, _RecordFactory):
        logging.setLogRecordFactory(_RecordFactory(factory))


def _words(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 (a record and its arguments may be anything)
        where = "arguments" if record.args else "text"
        return f"{_shown(record.msg)} ({type(error).__qualname__} in its {where})"


def _shown(message: object) -> str:
    try:
        return repr(message)
    except Exception:  # noqa: BLE001 (as above)
        return object.__repr__(message)
