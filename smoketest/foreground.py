"""A run in the foreground: the tests in supervised processes of a command's own, without queue and workers."""

import platform
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from django.db import connections
from django.dispatch import Signal

from smoketest import announce, own_secrets
from smoketest.execution.crew import Crew
from smoketest.execution.session import load_drivers, own_session
from smoketest.facts import Counts, Run, count
from smoketest.progress.display import Display
from smoketest.report.summary import Report, summarise
from smoketest.results import Cause, Outcome, Plan, Result
from smoketest.signals import run_finished, run_started, test_finished
from smoketest.suite.discover import Found
from smoketest.tracing import trace_test

_FIRST_FAILURE = "not run: the run was to end with the first failure"
_INTERRUPTED = "not run to its end: the run was interrupted"


def report_in_foreground(
    plan: Plan, found: Found, display: Display, *, release: str, processes: int, ends_with_failure: bool
) -> Report:
    """Run the plan, `processes` tests at once, and report it with a result for every test; tell the project of it here.

    After a KeyboardInterrupt it is cancelled, and nothing of it goes on. There is no line in the log: whoever has
    started it looks on.
    """
    _send(run_started, report=announce.beginning_of(plan, release))
    display.stands(Counts(), len(plan.steps))
    watch = _Watch(plan, display, release, ends_with_failure=ends_with_failure)
    report = summarise(_run(plan, found, watch, processes))
    _send(run_finished, report=report)
    return report


def _run(plan: Plan, found: Found, watch: "_Watch", processes: int) -> Run:
    started_at, began = datetime.now(UTC), time.monotonic()
    is_cancelled = False
    try:
        with closing(_results(plan, found, watch, processes)) as results:
            for result in results:
                watch.ended(result)
    except KeyboardInterrupt:
        is_cancelled = True
    missing = _INTERRUPTED if is_cancelled else _FIRST_FAILURE
    for step in plan.steps:
        if step.id not in watch.results:
            watch.keep(_not_run(step.id, missing))
    return Run(
        plan=plan,
        results={step.id: watch.results[step.id] for step in plan.steps},
        counts=count(watch.results),
        test_classes=plan.test_classes,
        tests_total=len(plan.steps),
        release=watch.release,
        host=platform.node(),
        started_at=started_at,
        finished_at=datetime.now(UTC),
        seconds=time.monotonic() - began,
        is_cancelled=is_cancelled,
    )


def _results(plan: Plan, found: Found, watch: "_Watch", processes: int) -> Generator[Result, None, None]:
    yield from plan.known.values()
    scrub = own_secrets.scrubber().result
    load_drivers()
    connections.close_all()  # so that no process has one of another's
    with closing(Crew(lambda: own_session(found.classes), processes)) as crew:
        yield from map(scrub, crew.run(plan.units(), look=watch.look))


class _Watch:
    """Shows the run, tells the project of its tests, and decides whether it goes on."""

    def __init__(self, plan: Plan, display: Display, release: str, *, ends_with_failure: bool) -> None:
        self.results: dict[str, Result] = {}
        self.release = release
        self._steps = {step.id: step for step in plan.steps}
        self._display = display
        self._ends_with_failure = ends_with_failure
        self._counts = Counts()

    def ended(self, result: Result) -> None:
        self.keep(result)
        name = result.outcome.value
        self._counts = replace(self._counts, **{name: getattr(self._counts, name) + 1})
        self._display.ended(result, self._counts, len(self._steps))

    def keep(self, result: Result) -> None:
        result = self.results[result.id] = replace(result, release=self.release)
        ended_ns = time.time_ns()
        began_ns = ended_ns - int((result.duration_seconds or 0) * 1e9)
        trace_test(result, run_id="", release=self.release, began_ns=began_ns, ended_ns=ended_ns)
        _send(test_finished, run_id="", release=self.release, step=self._steps[result.id], result=result)

    def look(self, test_ids: list[str]) -> bool:
        self._display.runs(test_ids)
        has_failed = bool(self._counts.failed or self._counts.errored)
        return not (self._ends_with_failure and has_failed)


def _send(signal: Signal, **facts: Any) -> None:
    announce.send_at_once(signal, **facts)
    connections.close_all()  # a process that is forked later must have none of those that receivers have opened


def _not_run(test_id: str, why: str) -> Result:
    return Result(id=test_id, outcome=Outcome.ERRORED, cause=Cause.NOT_RUN, message=why, host=platform.node())
