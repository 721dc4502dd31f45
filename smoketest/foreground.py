"""A run in the foreground: the tests in supervised processes of a command's own, without queue and workers."""

import platform
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime

from django.db import connections

from smoketest import own_secrets
from smoketest.execution.crew import Crew
from smoketest.execution.session import load_drivers, own_session
from smoketest.progress.display import Display
from smoketest.results import Cause, Counts, Outcome, Plan, Result, Run, count
from smoketest.suite.discover import Found

_FIRST_FAILURE = "not run: the run was to end with the first failure"
_INTERRUPTED = "not run to its end: the run was interrupted"


def run_in_foreground(
    plan: Plan, found: Found, display: Display, *, release: str, processes: int, ends_with_failure: bool
) -> Run:
    """Run the plan, `processes` tests at once, and return the run with a result for every test.

    After a KeyboardInterrupt it is cancelled, and nothing of it goes on.
    """
    started_at, began = datetime.now(UTC), time.monotonic()
    watch = _Watch(display, len(plan.steps), ends_with_failure=ends_with_failure)
    is_cancelled = False
    try:
        with closing(_run(plan, found, watch, processes)) as results:
            for result in results:
                watch.ended(result)
    except KeyboardInterrupt:
        is_cancelled = True
    missing = _INTERRUPTED if is_cancelled else _FIRST_FAILURE
    by_id = {step.id: watch.results.get(step.id) or _not_run(step.id, missing) for step in plan.steps}
    return Run(
        plan=plan,
        results={test_id: replace(result, release=release) for test_id, result in by_id.items()},
        counts=count(by_id),
        test_classes=plan.test_classes,
        tests_total=len(plan.steps),
        release=release,
        host=platform.node(),
        started_at=started_at,
        finished_at=datetime.now(UTC),
        seconds=time.monotonic() - began,
        is_cancelled=is_cancelled,
    )


def _run(plan: Plan, found: Found, watch: "_Watch", processes: int) -> Generator[Result, None, None]:
    yield from plan.known.values()
    scrub = own_secrets.scrubber().result
    load_drivers()
    connections.close_all()  # so that no process has one of another's
    with closing(Crew(lambda: own_session(found.classes), processes)) as crew:
        yield from map(scrub, crew.run(plan.units(), look=watch.look))


class _Watch:
    """Shows the run and decides whether it goes on."""

    def __init__(self, display: Display, total: int, *, ends_with_failure: bool) -> None:
        self.results: dict[str, Result] = {}
        self._display = display
        self._total = total
        self._ends_with_failure = ends_with_failure
        self._counts = Counts()

    def ended(self, result: Result) -> None:
        self.results[result.id] = result
        name = result.outcome.value
        self._counts = replace(self._counts, **{name: getattr(self._counts, name) + 1})
        self._display.ended(result, self._counts, self._total)

    def look(self, test_ids: list[str]) -> bool:
        self._display.runs(test_ids)
        has_failed = bool(self._counts.failed or self._counts.errored)
        return not (self._ends_with_failure and has_failed)


def _not_run(test_id: str, why: str) -> Result:
    return Result(id=test_id, outcome=Outcome.ERRORED, cause=Cause.NOT_RUN, message=why, host=platform.node())
