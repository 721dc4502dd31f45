"""What a report says in one line, and why it is not green: for formats that would look green without it."""

from smoketest.report.summary import Report, Row
from smoketest.results import Outcome, Status


def in_one_line(report: Report) -> str:
    """Return the verdict and the counts: `FAIL: 1 passed, 1 failed, 0 errored, 2 skipped of 4 tests in 0.35 s`."""
    counts = report.counts
    told = f"{counts.passed} passed, {counts.failed} failed, {counts.errored} errored"
    if counts.skipped:
        told += f", {counts.skipped} skipped"
    return f"{report.status}: {told} of {report.tests_total} tests in {report.seconds:.3g} s"


def bad_rows(report: Report) -> list[Row]:
    """Return the rows of tests that are not all right, the failed ones first."""
    return [
        row for outcome in (Outcome.FAILED, Outcome.ERRORED) for row in report.rows if row.result.outcome is outcome
    ]


def complaint(report: Report) -> str:
    """Return why a report is not green although none of its rows is bad, or nothing."""
    if report.status is Status.PASS or bad_rows(report):
        return ""
    return (report.status.is_finished and report.reason) or in_one_line(report)


def unnamed_passes(report: Report) -> int:
    """Return how many tests passed whose ids the reader may not see."""
    if report.next_after is not None or not report.status.is_finished:
        return 0  # only what is new is asked for, or nothing is known yet
    named = sum(row.result.outcome is Outcome.PASSED for row in report.rows)
    return report.counts.passed - named


def ending_of(row: Row) -> str:
    """Return how a test ended and, in brackets, why: `errored (timeout)`."""
    result = row.result
    return f"{result.outcome} ({result.cause})" if result.cause else result.outcome
