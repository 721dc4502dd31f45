"""Where a command's report goes."""

import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any, Protocol, TextIO, cast


class Out(Protocol):
    """What of a text stream is used; Django's wrapper of stdout has it too."""

    def write(self, text: str, /) -> object:
        """Write."""

    def flush(self) -> object:
        """Let it be seen."""

    def fileno(self) -> int:
        """Return the descriptor."""


def emptied_file(path: str | Path) -> Path:
    """Return the file, empty.

    It may be impossible to write; and what an earlier run has left must not be taken for the new report.
    """
    Path(path).write_text("")
    return Path(path)


def file_option(word: str) -> Path:
    """Return the file of an option, empty."""
    try:
        return emptied_file(word)
    except OSError as error:
        raise ArgumentTypeError(str(error)) from None


def write(text: str, out: Out | Path | None) -> None:
    """Write a report; a reader that has left, or an encoding without the characters, changes no verdict.

    What was closed before the process began is None, bare or in Django's wrapper, and takes nothing.

    Raises OSError where it can't be written.
    """
    if isinstance(out, Path):
        out.write_text(text, encoding="utf-8")
        return
    if out is None or getattr(out, "_out", out) is None:
        return
    if reconfigure := getattr(out, "reconfigure", None):
        reconfigure(errors="backslashreplace")
    try:
        out.write(text)
        out.flush()
    except OSError as error:
        _forget_reader(out)
        if not isinstance(error, BrokenPipeError):
            raise


@contextmanager
def lasting_stderr() -> Iterator[None]:
    """Let what is written to stderr here never raise: progress that nobody can read changes no verdict."""
    if sys.stderr is None:  # closed before this process began
        with open(os.devnull, "w") as nothing, redirect_stderr(nothing):  # noqa: PTH123 (a device)
            yield
    else:
        with redirect_stderr(cast("TextIO", _Lasting(sys.stderr))):
            yield


class _Lasting:
    """A text stream whose reader may leave, and whose disk may be full."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            _forget_reader(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            _forget_reader(self._stream)


def _forget_reader(out: Out | TextIO) -> None:
    """Let the stream's descriptor lead nowhere, and what Python still has for it, which it would write at its end.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
