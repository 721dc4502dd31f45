"""A report as text, word for word."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from smoketest.report import text
from smoketest.report.problem import Problem, render_text
from smoketest.report.summary import for_stranger, summarise
from smoketest.results import Cause, Outcome
from tests.core.finished import REPORT, RUNNING
from tests.core.making import make_result, make_run

STARTED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)


def test_finished():
    """A finished report has the verdict, the counts, and each bad test with its detail, the failed ones first."""
    assert text.render(REPORT) == (
        """\
FAIL
test classes: 1
tests run: 4
tests passed: 1
tests failed: 1
tests errored: 2
time: 3300.07861328ms
tests skipped: 1
tests timed out: 1

shop.smoke.CartTest.test_pays failed
    1 != 2
    not paid
    Traceback (most recent call last):
      File "smoke.py", line 3, in test_pays
    AssertionError: 1 != 2
    stdout:
    paying
    stderr:
    no paper
    logs:
    WARNING till: empty
    warnings:
    a thread is left
shop.smoke.CartTest.test_hangs errored
    timed out after 5 s
mail.smoke errored
    mail.smoke would not load: Ünïcode
"""
    )


def test_stranger():
    """A stranger sees the counts and the ids of the bad tests."""
    assert text.render(for_stranger(REPORT)) == (
        """\
FAIL
test classes: 1
tests run: 4
tests passed: 1
tests failed: 1
tests errored: 2
time: 3300.07861328ms
tests skipped: 1
tests timed out: 1

shop.smoke.CartTest.test_pays failed
shop.smoke.CartTest.test_hangs errored
mail.smoke errored
"""
    )


def test_running():
    """While a run goes on the report has the counts so far, of how many, and where to ask again."""
    assert text.render(RUNNING) == (
        """\
RUNNING
test classes: 2
tests run: 4
tests passed: 3
tests failed: 1
tests errored: 0
time: 1500.00000000ms
tests total: 6
run: run-2
poll: https://example.com/smoketest/runs/run-2/
"""
    )


def test_running__no_url():
    """Where nobody knows the URL to ask again there is no line for it."""
    assert text.render(replace(RUNNING, url="")).endswith("tests total: 6\nrun: run-2\n")


def test_documented_example():
    """The example of the documentation is what is written, line by line."""
    results = [make_result(f"module1.smoke.DemoTest.test_{name}", Outcome.PASSED) for name in "abcde"]
    results += [
        make_result("module1.smoke.DemoTest.test_baz", Outcome.ERRORED, cause=Cause.TIMEOUT),
        make_result("module1.smoke.DemoTest.test_foo", Outcome.FAILED),
        make_result("module1.smoke.DemoTest.test_quux", Outcome.FAILED),
        make_result("module1.smoke.DemoTest.test_skipped", Outcome.SKIPPED),
    ]
    report = summarise(make_run(*results, started_at=STARTED, seconds=3.30007861328))

    assert text.render(report) == (
        """\
FAIL
test classes: 1
tests run: 8
tests passed: 5
tests failed: 2
tests errored: 1
time: 3300.07861328ms
tests skipped: 1
tests timed out: 1

module1.smoke.DemoTest.test_foo failed
module1.smoke.DemoTest.test_quux failed
module1.smoke.DemoTest.test_baz errored
"""
    )


def test_passed():
    """A green report has seven lines and no more."""
    report = summarise(make_run(make_result("a.smoke.ATest.test_it", Outcome.PASSED), started_at=STARTED, seconds=0.25))

    assert text.render(report) == (
        "PASS\ntest classes: 1\ntests run: 1\ntests passed: 1\ntests failed: 0\ntests errored: 0\n"
        "time: 250.00000000ms\n"
    )


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ([], "no test was found to run"),
        ([make_result("a.smoke.ATest.test_it", Outcome.SKIPPED)], "every test was skipped"),
    ],
)
def test_reason(results, reason):
    """A report that is FAIL although nothing failed ends with the reason."""
    rendered = text.render(summarise(make_run(*results, started_at=STARTED)))

    assert rendered.startswith("FAIL\n")
    assert rendered.endswith(f"\n\n{reason}\n")


def test_drives_no_terminal():
    """What would drive a terminal is spelt out; the ends of lines and tabs stay."""
    hostile = make_result(
        "a.smoke.ATest.test_it",
        Outcome.FAILED,
        message="\x1b]0;owned\x07\r\n\tred: \x9b31m",
        stdout="FAIL\rPASS\x08",
        warnings=("\x1b[2J",),
    )

    rendered = text.render(summarise(make_run(hostile)))

    assert "    \\x1b]0;owned\\x07\n    \tred: \\x9b31m\n" in rendered
    assert "    FAIL\\x0dPASS\\x08\n" in rendered
    assert "    \\x1b[2J\n" in rendered


def test_problem_drives_no_terminal():
    """Nor does a problem, which may hold what a request has asked for."""
    assert render_text(Problem(status=400, title="Bad Request", detail="\x1b[2J")) == "Bad Request: \\x1b[2J\n"


def test_reason_is_not_given_early():
    """While a run goes on no reason is given."""
    assert "skipped" not in text.render(replace(RUNNING, reason="every test was skipped"))


def test_list():
    """A list of runs has a line for each: verdict, start, progress, release and address."""
    pending = summarise(make_run(not_ended=2, id="run-3"))

    assert text.render_list([REPORT, RUNNING, pending]) == (
        """\
FAIL 2026-11-22T10:00:00+00:00 5/5 r1 https://example.com/smoketest/runs/run-1/
RUNNING 2026-11-22T10:00:00+00:00 4/6 r1 https://example.com/smoketest/runs/run-2/
PENDING - 0/2 - \n"""
    )


def test_empty_list():
    """A list of no runs is empty."""
    assert text.render_list([]) == ""
