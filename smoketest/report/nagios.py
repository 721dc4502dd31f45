"""A report as a Nagios plugin prints it: https://nagios-plugins.org/doc/guidelines.html."""

from smoketest.legible import in_one_row
from smoketest.report.problem import Problem
from smoketest.report.summary import Report, Row
from smoketest.report.verdict import bad_rows, ending_of, in_one_line
from smoketest.results import Status

EXIT_CODES = {"OK": 0, "WARNING": 1, "CRITICAL": 2, "UNKNOWN": 3}
"""A plugin that prints this text ends with the code of the word after SMOKETEST; WARNING is never said."""

_STATES = {Status.PASS: "OK", Status.FAIL: "CRITICAL"}
"""The other statuses tell nothing of what was tested: UNKNOWN."""
_MOST_CHARACTERS = 200
"""Of one line below the first: Nagios keeps 8 KiB of all."""


def render(report: Report) -> str:
    """Return the state and the figures in one line, then a line for each test that is not all right."""
    lines = [f"{_said(report)} | {_figures(report)}", *map(_line, bad_rows(report))]
    return "\n".join(lines) + "\n"


def render_list(reports: list[Report]) -> str:
    """Return the newest run that has come to a verdict in one line."""
    newest = next((report for report in reports if report.status.is_verdict), None)
    return render(newest) if newest else "SMOKETEST UNKNOWN - no run has come to a verdict\n"


def render_problem(problem: Problem) -> str:
    """Return the problem as a state that nobody knows."""
    return f"SMOKETEST UNKNOWN - {_plain(f'{problem.title}: {problem.detail}')}\n"


def _said(report: Report) -> str:
    reason = f" ({report.reason})" if report.reason and report.status.is_finished else ""
    return f"SMOKETEST {_STATES.get(report.status, 'UNKNOWN')} - {_plain(in_one_line(report) + reason)}"


def _figures(report: Report) -> str:
    counts = report.counts
    figures = {
        "tests": report.tests_total,
        "passed": counts.passed,
        "failed": counts.failed,
        "errored": counts.errored,
        "skipped": counts.skipped,
        "timed_out": counts.timed_out,
    }
    # value;warn;crit;min
    return " ".join((f"time={report.seconds:.6f}s;;;0", *(f"{name}={value};;;0" for name, value in figures.items())))


def _line(row: Row) -> str:
    first, *_ = row.result.message.strip().splitlines() or [""]
    return _plain(f"{row.step.id} {ending_of(row)}: {first}".rstrip(": "))[:_MOST_CHARACTERS]


def _plain(text: str) -> str:
    """Return `text` in one line without a pipe: what follows one would be taken for figures."""
    return in_one_row(text).replace("|", "¦")
