"""A run here and now: the tests on lanes, each until its deadline, all within the budget."""

import platform
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from django.urls import set_script_prefix

from smoketest.conf import Conf
from smoketest.execution import lanes
from smoketest.execution.guards.callers_connections import is_inside_test_case
from smoketest.execution.session import Execute, callers_session, own_session
from smoketest.failures import cut
from smoketest.results import Cause, Outcome, Plan, Result, Run, Step, count
from smoketest.suite.discover import Found


def run_inline(plan: Plan, found: Found, conf: Conf, *, script_prefix: str, release: str) -> Run:
    """Run the plan in this process and return the finished run, within the budget whatever the tests do."""
    started_at, began = datetime.now(UTC), time.monotonic()
    results = dict(plan.known)
    run_tests = _on_callers_thread if is_inside_test_case() else _on_lanes
    for result in run_tests(plan, found, conf, script_prefix):
        results[result.id] = replace(result, release=release)
    return Run(
        plan=plan,
        results=results,
        counts=count(results),
        test_classes=len({step.test_class for step in plan.steps} - {""}),
        tests_total=len(plan.steps),
        release=release,
        host=platform.node(),
        started_at=started_at,
        finished_at=datetime.now(UTC),
        seconds=time.monotonic() - began,
    )


def _on_lanes(plan: Plan, found: Found, conf: Conf, script_prefix: str) -> Iterator[Result]:
    steps = {step.id: step for step in plan.steps}
    ended_jobs = lanes.run(
        [[_job(step, script_prefix) for step in unit] for unit in plan.units()],
        open_session=lambda: own_session(found.classes),
        until=time.monotonic() + conf.budget,
        concurrency=conf.concurrency,
    )
    for ended in ended_jobs:
        yield ended.value or _without_answer(steps[ended.key], ended, conf)


def _on_callers_thread(plan: Plan, found: Found, conf: Conf, script_prefix: str) -> Iterator[Result]:  # noqa: ARG001
    """Run the tests where a project's own TestCase runs, so that they see its data; no limit can be kept there."""
    with callers_session(found.classes) as run:
        for step in plan.steps:
            if step.id not in plan.known:
                yield run(step)


def _job(step: Step, script_prefix: str) -> lanes.Job[Execute, Result]:
    def work(run: Execute) -> Result:
        set_script_prefix(script_prefix)
        return run(step)

    return lanes.Job(key=step.id, work=work, seconds=step.timeout_seconds)


def _without_answer(step: Step, ended: lanes.Ended[Result], conf: Conf) -> Result:
    result = Result(
        id=step.id,
        outcome=Outcome.ERRORED,
        cause=Cause.NOT_RUN,
        message=f"not run: the run's budget of {conf.budget:g} s was spent before it could begin",
        host=platform.node(),
    )
    if not ended.is_left:
        return result
    limit = min(step.timeout_seconds, ended.seconds)
    return replace(
        result,
        cause=Cause.TIMEOUT,
        message=f"timed out after {limit:.3g} s; its thread is left to itself",
        traceback=cut(f"Where it was (most recent call last):\n{ended.stack}" if ended.stack else ""),
        duration_seconds=ended.seconds,
    )
