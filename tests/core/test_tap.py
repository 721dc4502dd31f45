"""A report in TAP 14, read back by a parser."""

import pytest
from tap.parser import Parser

from smoketest.report import tap
from smoketest.report.problem import Problem
from smoketest.report.summary import for_stranger, summarise
from smoketest.results import Outcome
from tests.core.finished import REPORT, RUNNING
from tests.core.making import make_result, make_run

NOTHING_FOUND = summarise(make_run())
ALL_SKIPPED = summarise(make_run(make_result("a.smoke.ATest.test_it", Outcome.SKIPPED)))


def points_of(text):
    """Return the test points, as a harness finds them."""
    return [line for line in Parser().parse_text(text) if line.category == "test"]


def plan_of(text):
    """Return how many tests the plan promises."""
    (plan,) = [line for line in Parser().parse_text(text) if line.category == "plan"]
    return plan.expected_tests


def test_finished():
    """Each test is a point, in order, and a skipped one says so."""
    text = tap.render(REPORT)

    points = points_of(text)

    assert text.startswith("TAP version 14\n1..5\n")
    assert [(point.number, point.ok, point.skip) for point in points] == [
        (1, True, False),
        (2, False, False),
        (3, False, False),
        (4, True, True),
        (5, False, False),
    ]
    assert points[0].description == "- shop.smoke.CartTest.test_adds"
    assert points[3].directive.reason == "no <printer>"


def test_diagnostics():
    """What is kept of a test is in the YAML block below its point."""
    assert points_of(tap.render(REPORT))[2].yaml_block == {
        "message": "1 != 2\nnot paid",
        "severity": "fail",
        "duration_ms": 125.0,
        "stack": 'Traceback (most recent call last):\n  File "smoke.py", line 3, in test_pays\n'
        "AssertionError: 1 != 2\n",
        "stdout": "paying\n",
        "stderr": "no paper\n",
        "logs": "WARNING till: empty\n",
        "warnings": ["a thread is left"],
    }


def test_stranger():
    """A stranger gets the ids of the tests that did not pass, and points without a name for the others."""
    assert tap.render(for_stranger(REPORT)) == (
        """\
TAP version 14
1..5
not ok 1 - shop.smoke.CartTest.test_hangs
  ---
  severity: "fail"
  cause: "timeout"
  ...
not ok 2 - shop.smoke.CartTest.test_pays
  ---
  severity: "fail"
  ...
ok 3 - shop.smoke.CartTest.test_prints # SKIP
not ok 4 - mail.smoke
  ---
  severity: "fail"
  ...
ok 5
# FAIL: 1 passed, 1 failed, 2 errored, 1 skipped of 5 tests in 3.3 s
# https://example.com/smoketest/runs/run-1/
"""
    )


@pytest.mark.parametrize("report", [RUNNING, NOTHING_FOUND, ALL_SKIPPED])
def test_never_green_by_accident(report):
    """What is no PASS has a point that is not ok, also where no test is bad."""
    points = points_of(tap.render(report))

    assert len(points) == plan_of(tap.render(report))
    assert [point.ok for point in points].count(False) == 1


def test_nothing_is_a_directive():
    """A hash in an id or a reason makes no directive, and a line's end no further point."""
    report = summarise(
        make_run(
            make_result("a.smoke.ATest.test_#_TODO", Outcome.FAILED),
            make_result("a.smoke.ATest.test_b", Outcome.SKIPPED, message="C:\\temp # TODO\nok 9"),
        )
    )

    lines = tap.render(report).splitlines()

    assert "not ok 1 - a.smoke.ATest.test_\\#_TODO" in lines
    assert "ok 2 - a.smoke.ATest.test_b # SKIP C:\\\\temp \\# TODO ok 9" in lines


def test_odd_characters():
    """Text that YAML may not hold as it is comes back whole."""
    message = "\x1b[31m \x85 \u2028 \x9f \ufeff \U0001f600 \t '\"# ...\n---"
    report = summarise(make_run(make_result("a.smoke.ATest.test_it", Outcome.FAILED, message=message)))

    assert points_of(tap.render(report))[0].yaml_block["message"] == message


def test_list():
    """In a list each run is a point; one that goes on is still to do."""
    points = points_of(tap.render_list([REPORT, RUNNING]))

    assert [(point.ok, point.todo) for point in points] == [(False, False), (False, True)]


def test_problem():
    """A request that got no report is a reason to stop."""
    lines = list(Parser().parse_text(tap.render_problem(Problem(status=410, title="Gone", detail="start another"))))

    assert [line.category for line in lines] == ["version", "bail"]
    assert lines[1].reason == "Gone: start another"


def test_drives_no_terminal():
    """What would drive a terminal is spelt out."""
    rendered = tap.render_problem(Problem(status=400, title="Bad Request", detail="\x1b[2J"))

    assert rendered.endswith("Bail out! Bad Request: \\\\x1b[2J\n")
