"""How a run that goes on is shown."""

import io
import sys

import pytest

from smoketest.facts import Counts
from smoketest.progress.display import open_display
from smoketest.results import Outcome
from tests.core.making import make_result

FAILED = make_result(
    "shop.smoke.CartTest.test_pays", Outcome.FAILED, message="1 != 2\nnot paid", duration_seconds=0.125
)
PASSED = make_result("shop.smoke.CartTest.test_adds", Outcome.PASSED, message="", duration_seconds=2.0)
LONG = make_result(f"shop.smoke.{'Cart' * 20}Test.test_adds", Outcome.ERRORED, message="why " * 40)


class Terminal(io.StringIO):
    """A terminal with eighty columns."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Make it eighty columns wide, with colours."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Terminal()


def show(stream, **options):
    """Show a small run in all that it may tell, and return what was written."""
    with open_display(stream, **options) as display:
        display.tell("run 1")
        display.runs(["shop.smoke.CartTest.test_pays"])
        display.ended(FAILED, Counts(failed=1), 12)
        display.ended(PASSED, Counts(failed=1, passed=1), 12)
        display.ended(LONG, Counts(failed=1, passed=1, errored=1), 12)
        display.stands(Counts(passed=10, failed=1, skipped=1), 12)
        display.stands(Counts(passed=10, failed=1, skipped=1), 12)
    return stream.getvalue()


def test_lines():
    """Where there is no terminal each piece of news is a line, and nothing is said twice."""
    lines = show(io.StringIO()).splitlines()

    assert lines[:4] == [
        "run 1",
        " 1/12 failed   0.12 s shop.smoke.CartTest.test_pays",
        "    1 != 2",
        " 2/12 passed   2.00 s shop.smoke.CartTest.test_adds",
    ]
    assert lines[6:] == ["12 of 12 tests, 1 failed, 1 skipped"]


def test_bar(terminal):
    """On a terminal what is not well stands above a bar that fits the width and is wiped out at the end."""
    text = show(terminal)

    assert "failed   0.12 s shop.smoke.CartTest.test_pays" in text
    assert "    1 != 2" in text
    assert PASSED.id not in text
    assert "12/12" in text
    assert text.endswith("\x1b[2K")


def test_bar__fits(terminal, monkeypatch):
    """No line is longer than the terminal is wide, however long an id or a message is."""
    monkeypatch.setenv("NO_COLOR", "1")

    text = show(terminal)

    drawn = [part for line in text.replace("\x1b[2K", "\r").split("\n") for part in line.split("\r")]
    assert max(len(part) for part in drawn if "\x1b" not in part) == 80


@pytest.mark.parametrize("way", ["variable", "option"])
def test_bar__without_colour(terminal, monkeypatch, way):
    """NO_COLOR and --no-color leave the colours out."""
    assert "\x1b[31m" in show(Terminal())

    if way == "variable":
        monkeypatch.setenv("NO_COLOR", "1")

    text = show(terminal, has_color=way == "variable")

    assert "\x1b[31m" not in text
    assert "\x1b[32m" not in text


def test_bar__tells_what_looks_like_markup(terminal):
    """Square brackets of a message are shown as they are."""
    with open_display(terminal) as display:
        display.tell("[red] alert [/red]")
        display.runs(["shop.smoke.CartTest[1].test_a"])

    assert "[red] alert [/red]" in terminal.getvalue()


def test_terminal_without_rich(terminal, monkeypatch):
    """Without rich, or on a terminal that knows no escape codes, there are plain lines."""
    monkeypatch.setitem(sys.modules, "rich", None)
    assert "\x1b" not in show(terminal)

    monkeypatch.undo()
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in show(Terminal())


@pytest.mark.parametrize("is_plain", [True, False])
def test_drives_no_terminal(terminal, is_plain):
    """What a test says does not drive the terminal, on which only the bar's own codes arrive."""
    hostile = make_result("a.smoke.ATest.test_it", Outcome.FAILED, message="\x1b]0;owned\x07", duration_seconds=1.0)

    with open_display(terminal, is_plain=is_plain) as display:
        display.tell("\x1b[2Jgone")
        display.runs(["a.smoke.ATest.test_\x1b[2Jit"])
        display.ended(hostile, Counts(failed=1), 2)

    text = terminal.getvalue()
    assert "\\x1b[2Jgone" in text
    assert "\\x1b]0;owned\\x07" in text
    assert "\x1b[2J" not in text
    assert "\x1b]0;" not in text
    assert ("\x1b[31m" in text) is not is_plain
