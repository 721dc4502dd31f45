"""Where a command's report goes."""

import os
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Protocol


class Out(Protocol):
    """What of a text stream is used; Django's wrapper of stdout has it too."""

    def write(self, text: str, /) -> object:
        """Write."""

    def flush(self) -> object:
        """Let it be seen."""

    def fileno(self) -> int:
        """Return the descriptor."""


def emptied_file(path: str) -> Path:
    """Return the file of an option, empty.

    It may be impossible to write; and what an earlier run has left must not be taken for the new report.
    """
    try:
        Path(path).write_text("")
    except OSError as error:
        raise ArgumentTypeError(str(error)) from None
    return Path(path)


def write(text: str, out: Out | Path) -> None:
    """Write a report; a reader that has left, or an encoding without the characters, changes no verdict."""
    if isinstance(out, Path):
        out.write_text(text, encoding="utf-8")
        return
    if reconfigure := getattr(out, "reconfigure", None):
        reconfigure(errors="backslashreplace")
    try:
        out.write(text)
        out.flush()
    except BrokenPipeError:
        # Python would try again at its end: https://docs.python.org/3/library/signal.html#note-on-sigpipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
