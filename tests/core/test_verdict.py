"""What a report says in one line."""

from dataclasses import replace

import pytest

from smoketest.report.summary import for_stranger, summarise
from smoketest.report.verdict import bad_rows, complaint, in_one_line, unnamed_passes
from smoketest.results import Outcome, Status
from tests.core.finished import REPORT, RUNNING
from tests.core.making import make_result, make_run

GREEN = summarise(make_run(make_result("a.smoke.ATest.test_it", Outcome.PASSED), seconds=0.0125))


def test_in_one_line():
    """The verdict comes first, then the counts, of how many, and the time."""
    assert in_one_line(GREEN) == "PASS: 1 passed, 0 failed, 0 errored of 1 tests in 0.0125 s"
    assert in_one_line(REPORT) == "FAIL: 1 passed, 1 failed, 2 errored, 1 skipped of 5 tests in 3.3 s"


def test_bad_rows():
    """The failed come before the errored."""
    assert [row.step.id.rpartition(".")[2] for row in bad_rows(REPORT)] == ["test_pays", "test_hangs", "smoke"]


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (GREEN, ""),
        (REPORT, ""),
        (summarise(make_run()), "no test was found to run"),
        (RUNNING, "RUNNING: 3 passed, 1 failed, 0 errored of 6 tests in 1.5 s"),
        (replace(GREEN, status=Status.CANCELLED), "CANCELLED: 1 passed, 0 failed, 0 errored of 1 tests in 0.0125 s"),
    ],
)
def test_complaint(report, expected):
    """What is not green says why, unless a bad test does."""
    assert complaint(report) == expected


def test_unnamed_passes():
    """The tests that passed are counted for a stranger too, without their ids."""
    assert unnamed_passes(REPORT) == 0
    assert unnamed_passes(for_stranger(REPORT)) == 1
    assert unnamed_passes(RUNNING) == 0
