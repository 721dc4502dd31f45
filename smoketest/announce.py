"""Tells of runs and tests: a line in the log, a signal, a span."""

import logging
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.dispatch import Signal

from smoketest.facts import Counts
from smoketest.report.summary import Report
from smoketest.report.verdict import in_one_line
from smoketest.results import Plan, Result, Status, Step
from smoketest.signals import run_finished, run_started, test_finished
from smoketest.tracing import is_traced, trace_test

logger = logging.getLogger("smoketest")

Send = Callable[..., None]
"""`send(signal, **facts)`: at once, or within bounds."""


def send_at_once(signal: Signal, **facts: Any) -> None:
    """Send the signal in this thread, however long its receivers take."""
    signal.send_robust(sender=None, **facts)


def beginning_of(plan: Plan, release: str) -> Report:
    """Report a run of this process that begins now."""
    return Report(
        status=Status.RUNNING,
        counts=Counts(),
        test_classes=plan.test_classes,
        tests_total=len(plan.steps),
        seconds=0.0,
        release=release,
        host=platform.node(),
        started_at=datetime.now(UTC),
    )


def run_began(report: Report, send: Send) -> None:
    """Tell that a run begins."""
    extra = {"run_id": report.run_id, "release": report.release, "status": str(report.status)}
    logger.info("%s: begun, %d tests", _name(report.run_id), report.tests_total, extra=extra)
    send(run_started, report=report)


def are_passes_heard() -> bool:
    """Tell whether anybody hears of a test that has not failed: by the log, a signal or a span."""
    return logger.isEnabledFor(logging.INFO) or test_finished.has_listeners() or is_traced()


def test_ended(step: Step, result: Result, span: tuple[int, int], *, run_id: str, release: str, send: Send) -> None:
    """Tell how a test ended; `span` holds when it began and ended, in nanoseconds since 1970."""
    level = logging.INFO if result.outcome.is_ok else logging.WARNING
    if logger.isEnabledFor(level):
        _log_test(level, result, run_id, release)
    trace_test(result, run_id=run_id, release=release, began_ns=span[0], ended_ns=span[1])
    send(test_finished, run_id=run_id, release=release, step=step, result=result)


def _log_test(level: int, result: Result, run_id: str, release: str) -> None:
    extra = {
        "run_id": run_id,
        "test_id": result.id,
        "outcome": str(result.outcome),
        "cause": str(result.cause or ""),
        "release": release,
    }
    why = f" ({result.cause})" if result.cause else ""
    logger.log(level, "%s: %s %s%s", _name(run_id), result.id, result.outcome, why, extra=extra)


def run_ended(report: Report, send: Send) -> None:
    """Tell how a run ended."""
    extra = {"run_id": report.run_id, "release": report.release, "status": str(report.status)}
    # Not even FAIL is an ERROR: those go by mail in many a project, and a monitor asks every few seconds.
    level = logging.INFO if report.status is Status.PASS else logging.WARNING
    logger.log(level, "%s: %s", _name(report.run_id), in_one_line(report), extra=extra)
    send(run_finished, report=report)


def _name(run_id: str) -> str:
    return f"run {run_id}" if run_id else "inline run"
