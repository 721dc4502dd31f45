"""A report in the Test Anything Protocol, version 14: https://testanything.org/tap-version-14-specification.html."""

import json
import re
from collections.abc import Iterable, Iterator

from smoketest.legible import in_one_row
from smoketest.report.problem import Problem
from smoketest.report.summary import Report, Row
from smoketest.report.verdict import complaint, in_one_line, unnamed_passes
from smoketest.results import Outcome, Status

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
"""What JSON may hold as it is, and YAML may not, or would take for a line's end."""


def render(report: Report) -> str:
    """Return the report as a test point for each test; nothing but PASS leaves a harness content."""
    return _document(_points(report), _about(report))


def render_list(reports: list[Report]) -> str:
    """Return a test point for each run; one that goes on is not ok yet, but no failure: TODO."""
    return _document([_point_of_run(report) for report in reports])


def render_problem(problem: Problem) -> str:
    """Return the problem as a reason to stop."""
    return f"TAP version 14\nBail out! {_plain(f'{problem.title}: {problem.detail}')}\n"


def _document(points: Iterable[str], comments: Iterable[str] = ()) -> str:
    numbered = [point.replace("ok", f"ok {number}", 1) for number, point in enumerate(points, 1)]
    return "\n".join(("TAP version 14", f"1..{len(numbered)}", *numbered, *comments)) + "\n"


def _points(report: Report) -> Iterator[str]:
    for row in report.rows:
        yield _point(row)
    yield from ["ok"] * unnamed_passes(report)
    if complaint(report):
        yield f"not ok - {_plain(complaint(report))}"


def _about(report: Report) -> Iterator[str]:
    yield f"# {_plain(in_one_line(report))}"
    if report.url:
        yield f"# {_plain(report.url)}"


def _point(row: Row) -> str:
    outcome = row.result.outcome
    point = f"{'ok' if outcome.is_ok else 'not ok'} - {_plain(row.step.id)}"
    if outcome is Outcome.SKIPPED:
        return f"{point} # SKIP {_plain(row.result.message)}".rstrip()
    return "\n".join((point, *_diagnostics(row)))


def _point_of_run(report: Report) -> str:
    point = "ok" if report.status is Status.PASS else "not ok"
    told = f"{point} - {_plain(f'{report.run_id} {in_one_line(report)}')}"
    return told if report.status.is_finished else f"{told} # TODO it goes on"


def _diagnostics(row: Row) -> Iterator[str]:
    """Yield a YAML block; its values are JSON, which is YAML too and hides no surprises."""
    result = row.result
    values = {
        "message": result.message,
        "severity": "" if result.outcome.is_ok else "fail",
        "cause": result.cause,
        "duration_ms": None if result.duration_seconds is None else round(result.duration_seconds * 1000, 3),
        "stack": result.traceback,
        "stdout": result.stdout,
        "stderr": result.stderr,
        "logs": result.logs,
        "warnings": list(result.warnings),
    }
    lines = [f"  {name}: {_yaml(value)}" for name, value in values.items() if value not in (None, "", [])]
    if lines:
        yield from ("  ---", *lines, "  ...")


def _yaml(value: object) -> str:
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def _plain(text: str) -> str:
    """Return `text` as one line in which nothing is a directive."""
    return in_one_row(text).replace("\\", "\\\\").replace("#", "\\#")
