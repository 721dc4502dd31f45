"""A run that goes on, as plain lines: for logs, pipes and terminals that can do no more."""

from types import TracebackType
from typing import Self, TextIO

from smoketest.facts import Counts
from smoketest.legible import legible
from smoketest.results import Outcome, Result


class Lines:
    """Writes a line whenever there is something new."""

    is_live = False

    def __init__(self, stream: TextIO) -> None:
        """Take where the lines go."""
        self._stream = stream
        self._last: Counts | None = None

    def __enter__(self) -> Self:
        """Need no preparation."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave everything as it is."""

    def tell(self, text: str) -> None:
        """Write a line."""
        self._stream.write(f"{legible(text)}\n")
        self._stream.flush()

    def stands(self, counts: Counts, total: int) -> None:
        """Write how far the run is, unless that stands there already."""
        if counts != self._last:
            self._last = counts
            self.tell(f"{counts.ended} of {total} tests{bad_of(counts)}")

    def ended(self, result: Result, counts: Counts, total: int) -> None:
        """Write how the test ended."""
        place = f"{counts.ended:{len(str(total))}}/{total}"
        self.tell("\n".join((f"{place} {line_of(result)}", *why(result))))

    def runs(self, test_ids: list[str]) -> None:
        """Keep silent: it would be a line for each look."""


def line_of(result: Result) -> str:
    """Return a test's outcome, time and id."""
    seconds = "" if result.duration_seconds is None else f"{result.duration_seconds:.2f} s"
    return f"{result.outcome:<7} {seconds:>7} {result.id}"


def why(result: Result) -> list[str]:
    """Return, in a line of its own, why a test did not pass, if there is something to say."""
    message = first_line(result.message)
    return [f"    {message}"] if message and result.outcome is not Outcome.PASSED else []


def first_line(text: str) -> str:
    """Return the first line of a text, or nothing."""
    return text.strip().partition("\n")[0].rstrip()


def bad_of(counts: Counts) -> str:
    """Return how many tests ended badly, to be put behind the others, or nothing."""
    words = {"failed": counts.failed, "errored": counts.errored, "skipped": counts.skipped}
    return "".join(f", {number} {word}" for word, number in words.items() if number)
