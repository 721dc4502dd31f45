"""Chooses how a run that goes on is shown: a bar on a terminal, plain lines elsewhere."""

import importlib.util
import os
from contextlib import AbstractContextManager
from typing import Protocol, TextIO

from smoketest.facts import Counts
from smoketest.progress.lines import Lines
from smoketest.results import Result


class Display(Protocol):
    """Shows a run to one who waits for it; a context that leaves the terminal as it was."""

    is_live: bool
    """Whether it wants to hear of the run every second, even if nothing has changed."""

    def tell(self, text: str) -> None:
        """Show a line that stays."""

    def stands(self, counts: Counts, total: int) -> None:
        """Show how far the run is."""

    def ended(self, result: Result, counts: Counts, total: int) -> None:
        """Show that a test has ended, and how far the run is."""

    def runs(self, test_ids: list[str]) -> None:
        """Show what runs now, and that time passes."""


def open_display(stream: TextIO, *, is_plain: bool = False, has_color: bool = True) -> AbstractContextManager[Display]:
    """Return what shows a run on `stream`."""
    is_terminal = stream.isatty() and os.environ.get("TERM") != "dumb"
    if is_plain or not is_terminal or importlib.util.find_spec("rich") is None:
        return Lines(stream)
    from smoketest.progress.bar import Bar  # noqa: PLC0415 (rich, the extra `progress`, is not everywhere)

    return Bar(stream, has_color=has_color)
