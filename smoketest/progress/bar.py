"""A run that goes on, as a bar on a terminal; needs rich, the extra `progress`."""

from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from smoketest.facts import Counts
from smoketest.legible import legible
from smoketest.progress.lines import bad_of, line_of, why
from smoketest.results import Outcome, Result

_STYLES = {Outcome.FAILED: "red", Outcome.ERRORED: "red", Outcome.SKIPPED: "yellow"}
_BAR_WIDTH = 20


class Bar:
    """Keeps a line at the foot of the terminal up to date; what is not well stands above it.

    It has no thread of its own, so that the process may fork: it is drawn anew when it is told something.
    """

    is_live = True

    def __init__(self, stream: TextIO, *, has_color: bool) -> None:
        """Take the terminal; colour is left out where NO_COLOR is set, too."""
        console = Console(file=stream, no_color=None if has_color else True, highlight=False)
        self._progress = Progress(
            MofNCompleteColumn(),
            BarColumn(bar_width=_BAR_WIDTH),
            TimeElapsedColumn(),
            TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
            console=console,
            auto_refresh=False,
            transient=True,
            expand=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=None)
        self._bad = ""

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe the bar out."""
        self._progress.stop()

    def tell(self, text: str) -> None:
        """Write a line above the bar."""
        self._progress.console.print(Text(legible(text)), overflow="fold")

    def stands(self, counts: Counts, total: int) -> None:
        """Move the bar."""
        self._bad = bad_of(counts).removeprefix(", ")
        self._progress.update(self._task, completed=counts.ended, total=total, description=self._bad, refresh=True)

    def ended(self, result: Result, counts: Counts, total: int) -> None:
        """Write a line about a test that is not well, and move the bar."""
        if result.outcome is not Outcome.PASSED:
            self._progress.console.print(Text(legible(line_of(result)), _STYLES[result.outcome]), overflow="fold")
            for line in why(result):
                self._progress.console.print(Text(legible(line)), no_wrap=True, overflow="ellipsis")
        self.stands(counts, total)

    def runs(self, test_ids: list[str]) -> None:
        """Show the tests by the last two parts of their ids: more has no room."""
        names = ", ".join(".".join(test_id.split(".")[-2:]) for test_id in test_ids)
        description = escape(legible(" ".join(filter(None, (self._bad, names)))))
        self._progress.update(self._task, description=description, refresh=True)
