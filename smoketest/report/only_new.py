"""A verdict that lets old failures pass, made of a report as JSON: the commands get theirs from far or near."""

from collections.abc import Mapping
from typing import Any

from smoketest.results import Status

_CHANGES = ("newly_failing", "still_failing", "fixed", "gone")


def has_only_old_failures(report: Mapping[str, Any]) -> bool:
    """Tell whether a run is FAIL, and of each failure it is said that the release before had it too."""
    bad = [*report.get("failed_tests", ()), *report.get("errored_tests", ())]
    is_whole = len(bad) == report.get("tests_failed", 0) + report.get("tests_errored", 0)
    is_failure_alone = report["status"] == Status.FAIL and not report.get("reason")
    return is_failure_alone and is_whole and bool(bad) and set(bad) <= set(report.get("still_failing_tests", ()))


def what_counts(report: Mapping[str, Any]) -> str:
    """Return, in one line, what such a verdict rests on."""
    before = report.get("compared_with")
    if "newly_failing_tests" not in report:
        return "the report tells nothing of what is new"
    if not before:
        return "no run of another release is known: every failure counts as new"
    changes = ", ".join(f"{len(report.get(f'{name}_tests', ()))} {name.replace('_', ' ')}" for name in _CHANGES)
    tests = f"{before.get('tests_total', '?')} -> {report['tests_total']} tests"
    return f"compared with {before.get('release', 'the release before')}: {changes}; {tests}"
