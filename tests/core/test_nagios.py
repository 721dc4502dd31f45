"""A report as a Nagios plugin prints it."""

import re
from dataclasses import replace

import pytest

from smoketest.report import nagios
from smoketest.report.problem import Problem
from smoketest.report.summary import for_stranger, summarise
from smoketest.results import Outcome, Status
from tests.core.finished import REPORT, RUNNING
from tests.core.making import make_result, make_run

# `'label'=value[UOM];[warn];[crit];[min];[max]`, by the guidelines of the plugins.
FIGURE = re.compile(r"(?P<label>[a-z_]+)=(?P<value>\d+(\.\d+)?)(?P<unit>s?)(;[\d.]*){0,4}")
FIGURES = "time=3.300079s;;;0 tests=5;;;0 passed=1;;;0 failed=1;;;0 errored=2;;;0 skipped=1;;;0 timed_out=1;;;0"


def green():
    return summarise(make_run(make_result("a.smoke.ATest.test_it", Outcome.PASSED), seconds=0.25))


def test_finished():
    """The first line has the state, the counts and the figures; then a line for each bad test."""
    assert nagios.render(REPORT) == (
        "SMOKETEST CRITICAL - FAIL: 1 passed, 1 failed, 2 errored, 1 skipped of 5 tests in 3.3 s | "
        f"{FIGURES}\n"
        "shop.smoke.CartTest.test_pays failed: 1 != 2\n"
        "shop.smoke.CartTest.test_hangs errored (timeout): timed out after 5 s\n"
        "mail.smoke errored (import): mail.smoke would not load: Ünïcode\n"
    )


def test_stranger():
    """A stranger gets the ids of the bad tests and no messages."""
    assert nagios.render(for_stranger(REPORT)) == (
        "SMOKETEST CRITICAL - FAIL: 1 passed, 1 failed, 2 errored, 1 skipped of 5 tests in 3.3 s | "
        f"{FIGURES}\n"
        "shop.smoke.CartTest.test_pays failed\n"
        "shop.smoke.CartTest.test_hangs errored (timeout)\n"
        "mail.smoke errored\n"
    )


@pytest.mark.parametrize(
    ("report", "state"),
    [(green(), "OK"), (REPORT, "CRITICAL"), (RUNNING, "UNKNOWN"), (summarise(make_run()), "CRITICAL")],
)
def test_state(report, state):
    """PASS is OK, FAIL is CRITICAL, and what tells nothing yet is UNKNOWN."""
    assert nagios.render(report).startswith(f"SMOKETEST {state} - ")
    assert nagios.EXIT_CODES[state] == {"OK": 0, "CRITICAL": 2, "UNKNOWN": 3}[state]


def test_figures():
    """Each figure has the form that Nagios reads."""
    _, _, figures = nagios.render(REPORT).splitlines()[0].partition(" | ")

    found = [FIGURE.fullmatch(figure) for figure in figures.split(" ")]

    assert [(each["label"], each["unit"]) for each in found[:2]] == [("time", "s"), ("tests", "")]
    assert all(found)


def test_no_pipe():
    """No text can begin figures of its own or break a line, and a line is short."""
    message = "a | b=1\nsecond"
    report = summarise(
        make_run(
            make_result("a.smoke.ATest.test_it", Outcome.FAILED, message=message),
            make_result("a.smoke.ATest.test_long", Outcome.FAILED, message="x" * 1000),
        )
    )

    first, *others = nagios.render(report).splitlines()

    assert first.count("|") == 1
    assert others[0] == "a.smoke.ATest.test_it failed: a ¦ b=1"
    assert len(others[1]) == 200


def test_reason():
    """A run of nothing says so."""
    assert "(no test was found to run) |" in nagios.render(summarise(make_run()))


def test_list():
    """A list is the newest run that has come to a verdict."""
    cancelled = replace(REPORT, status=Status.CANCELLED)

    assert nagios.render_list([RUNNING, cancelled, REPORT]) == nagios.render(REPORT)
    assert nagios.render_list([RUNNING, cancelled]) == "SMOKETEST UNKNOWN - no run has come to a verdict\n"


def test_problem():
    """A request that got no report says nothing of what was tested: UNKNOWN."""
    rendered = nagios.render_problem(Problem(status=503, title="Service Unavailable", detail="no | broker"))

    assert rendered == "SMOKETEST UNKNOWN - Service Unavailable: no ¦ broker\n"


def test_drives_no_terminal():
    """What would drive a terminal is spelt out."""
    hostile = make_result("a.smoke.ATest.test_it", Outcome.FAILED, message="\x1b[2J \x9b2J")

    assert nagios.render(summarise(make_run(hostile))).endswith(" failed: \\x1b[2J \\x9b2J\n")
