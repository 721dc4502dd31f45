"""The story of a deploy's verdict: wait for the release, fire once, follow the run through whatever happens."""

import time
import uuid
from collections.abc import Mapping
from typing import Any

from smoketest.client.app import App
from smoketest.client.endings import EndedError, ExitCode
from smoketest.client.http import Answer
from smoketest.client.patience import Patience
from smoketest.facts import Counts
from smoketest.progress.display import Display
from smoketest.report.only_new import has_only_old_failures
from smoketest.results import Status

_GOING_ON = (Status.PENDING, Status.RUNNING)
_LIVE_LOOK_SECONDS = 1.0
_LOOK_SECONDS = 10.0
_LEAST_LOOK_SECONDS = 0.5
"""An app that does not wait is not asked more often."""


def fire(app: App, display: Display, *, seconds: float) -> Answer:
    """Start a run as soon as the app is there, and of the right release; return its first report."""
    key = str(uuid.uuid4())  # an answer may be lost: asked again, the app knows that it is the same wish
    answer = Patience(seconds, display).persist(lambda: app.fire(key))
    display.tell(f"run {answer.report['run_id']}")
    return answer


def follow(app: App, answer: Answer, display: Display, *, seconds: float) -> Answer:
    """Show the run until it has finished, and return its last report."""
    patience = Patience(seconds, display)
    run_id = answer.report["run_id"]
    look_seconds = _LIVE_LOOK_SECONDS if display.is_live else _LOOK_SECONDS
    while answer.report["status"] in _GOING_ON:
        _show(answer.report, display)
        if not patience.left:
            message = f"gave up after {seconds:g} s; run {run_id} goes on without being watched"
            raise EndedError(ExitCode.GAVE_UP, message)
        began = time.monotonic()
        answer = patience.persist(
            lambda: app.look(run_id, min(look_seconds, patience.left)), exit_code=ExitCode.GAVE_UP
        )
        if answer.report["status"] in _GOING_ON:
            patience.pause(began + _LEAST_LOOK_SECONDS - time.monotonic())
    _show(answer.report, display)
    return answer


def exit_code_of(report: Mapping[str, Any], *, only_new: bool = False) -> ExitCode:
    """Return what the pipeline is told of a finished run; with `only_new` old failures are let pass."""
    if report["status"] == Status.PASS or (only_new and has_only_old_failures(report)):
        return ExitCode.PASS
    if report["status"] == Status.CANCELLED:
        return ExitCode.COULD_NOT_RUN
    return ExitCode.FAIL if report["tests_total"] else ExitCode.NO_TESTS


def _show(report: Mapping[str, Any], display: Display) -> None:
    counts = Counts(
        passed=report.get("tests_passed", 0),
        failed=report.get("tests_failed", 0),
        errored=report.get("tests_errored", 0),
        skipped=report.get("tests_skipped", 0),
    )
    display.stands(counts, report["tests_total"])
