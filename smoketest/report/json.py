"""A report as JSON."""

import json
from typing import Any

from smoketest.report.comparison import Comparison
from smoketest.report.summary import Report, Row
from smoketest.results import Outcome

_IDS = frozenset({"failed_tests", "errored_tests", "skipped_tests", "timed_out_tests"})


def render(report: Report) -> str:
    """Return the report as one JSON object; what is unknown or not for the reader is absent."""
    return json.dumps(as_dict(report), ensure_ascii=False) + "\n"


def render_list(reports: list[Report]) -> str:
    """Return the runs as `{"runs": [...]}`; none of them names its tests, which are not read for a list."""
    return json.dumps({"runs": [_in_list(report) for report in reports]}, ensure_ascii=False) + "\n"


def _in_list(report: Report) -> dict[str, Any]:
    return {name: value for name, value in as_dict(report).items() if name not in _IDS}


def as_dict(report: Report) -> dict[str, Any]:
    """Return the report as plain values, in the order in which they are rendered."""
    counts = report.counts
    values: dict[str, Any] = {
        "status": report.status,
        "test_classes": report.test_classes,
        "tests_run": counts.run,
        "tests_passed": counts.passed,
        "tests_failed": counts.failed,
        "tests_errored": counts.errored,
        "failed_tests": report.ids(Outcome.FAILED),
        "errored_tests": report.ids(Outcome.ERRORED),
        "time": _ms(report.seconds),
        "tests_skipped": counts.skipped,
        "tests_timed_out": counts.timed_out,
        "tests_total": report.tests_total,
        "skipped_tests": report.ids(Outcome.SKIPPED),
        "timed_out_tests": report.timed_out_ids(),
        "run_id": report.run_id,
        "url": report.url,
        "release": report.release,
        "host": report.host,
        "started_at": report.started_at.isoformat() if report.started_at else None,
        "finished_at": report.finished_at.isoformat() if report.finished_at else None,
    }
    if report.has_detail and report.rows:
        values["results"] = [_row(row) for row in report.rows]
    values["next_after"] = report.next_after
    values["reason"] = report.reason if report.status.is_finished else ""
    values |= _news(report.comparison) if report.comparison else {}
    return {name: value for name, value in values.items() if value not in (None, "")}


def _news(comparison: Comparison) -> dict[str, Any]:
    before = {"run_id": comparison.run_id, "release": comparison.release, "tests_total": comparison.tests_total}
    return {
        "newly_failing_tests": list(comparison.newly_failing),
        "still_failing_tests": list(comparison.still_failing),
        "fixed_tests": list(comparison.fixed),
        "gone_tests": list(comparison.gone),
        "compared_with": {name: value for name, value in before.items() if value not in (None, "")} or None,
    }


def _row(row: Row) -> dict[str, Any]:
    step, result = row.step, row.result
    values: dict[str, Any] = {
        "id": step.id,
        "outcome": result.outcome,
        "cause": result.cause,
        "duration_ms": _ms(result.duration_seconds),
        "waited_ms": _ms(result.waited_seconds),
        "timeout_s": step.timeout_seconds,
        "slow": step.is_slow,
        "tags": list(step.tags),
        "host": result.host,
        "pid": result.pid,
        "release": result.release,
        "message": result.message,
        "traceback": result.traceback,
        "stdout": result.stdout,
        "stderr": result.stderr,
        "warnings": list(result.warnings),
        "logs": result.logs,
    }
    return {name: value for name, value in values.items() if value not in (None, "", [])}


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 8)
