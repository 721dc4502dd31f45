"""A report as `application/health+json`: https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06."""

import json
from typing import Any

from smoketest.report.summary import Report, Row
from smoketest.report.verdict import complaint, ending_of, in_one_line
from smoketest.results import Outcome, Status

_STATUSES = {Status.PASS: "pass", Status.FAIL: "fail", Status.CANCELLED: "fail"}
"""One that goes on is `warn`: that must be answered with a 2xx, and 202 is."""
_CHECK_STATUSES = {Outcome.PASSED: "pass", Outcome.SKIPPED: "warn"}


def render(report: Report) -> str:
    """Return the report as one health object, with a check for each test that the reader may know of."""
    checks = {f"{row.step.id}:responseTime": [_check(row, report)] for row in report.rows}
    return _dumps(_health(report) | {"checks": checks})


def render_list(reports: list[Report]) -> str:
    """Return the health of the newest run that has come to a verdict, with a check for each run."""
    newest = next((report for report in reports if report.status.is_verdict), None)
    checks = {f"{report.run_id}:responseTime": [_check_of_run(report)] for report in reports}
    values = _health(newest) if newest else {"status": "warn", "notes": ["no run has come to a verdict"]}
    return _dumps(values | {"checks": checks})


def _health(report: Report) -> dict[str, Any]:
    status = _STATUSES.get(report.status, "warn")
    return {
        "status": status,
        "releaseId": report.release,
        "description": "smoke tests",
        "notes": [in_one_line(report)],
        "output": complaint(report),
        "links": {"self": report.url} if report.url else {},
    }


def _check(row: Row, report: Report) -> dict[str, Any]:
    result = row.result
    return _present(
        {
            "componentId": row.step.id,
            "componentType": "component",
            **_measured(result.duration_seconds),
            "status": _CHECK_STATUSES.get(result.outcome, "fail"),
            "time": report.finished_at.isoformat() if report.finished_at else "",
            "output": "" if result.outcome is Outcome.PASSED else result.message,
            "outcome": ending_of(row),
        }
    )


def _check_of_run(report: Report) -> dict[str, Any]:
    return _present(
        {
            "componentId": report.run_id,
            "componentType": "system",
            **_measured(report.seconds),
            "status": _STATUSES.get(report.status, "warn"),
            "time": report.started_at.isoformat() if report.started_at else "",
            "output": "" if report.status is Status.PASS else in_one_line(report),
            "links": {"self": report.url} if report.url else {},
        }
    )


def _measured(seconds: float | None) -> dict[str, Any]:
    return {} if seconds is None else {"observedValue": round(seconds * 1000, 3), "observedUnit": "ms"}


def _dumps(values: dict[str, Any]) -> str:
    return json.dumps(_present(values), ensure_ascii=False) + "\n"


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in ("", {}, [])}
