"""A run here and now: the tests on lanes, each until its deadline, all within the budget."""

import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from django.dispatch import Signal
from django.urls import set_script_prefix

from smoketest import announce, own_secrets
from smoketest.bounded import Event, send_all
from smoketest.cases import SmokeTest
from smoketest.clock import Clock
from smoketest.conf import Conf
from smoketest.execution.guards.callers_connections import is_inside_test_case
from smoketest.execution.jobs import Ended, Fate, Job
from smoketest.execution.lanes import Lanes
from smoketest.execution.session import Session, callers_session, open_session
from smoketest.execution.surroundings import Surroundings
from smoketest.facts import Run, count
from smoketest.failures import cut
from smoketest.report.summary import Report, summarise
from smoketest.results import Cause, Outcome, Plan, Result, Step
from smoketest.suite.discover import Found

_CAUSES = {Fate.LEFT: Cause.TIMEOUT, Fate.STILL_LEFT: Cause.TIMEOUT, Fate.RAISED: Cause.EXCEPTION}


def report_inline(plan: Plan, found: Found, conf: Conf, *, until: float, script_prefix: str, release: str) -> Report:
    """Run the plan in this process and report it, by `until` whatever the tests do; tell the project of it here."""
    began_ns: dict[str, int] = {}
    announce.run_began(announce.beginning_of(plan, release), lambda signal, **facts: _send([(signal, facts)]))
    run = _run(plan, found, conf, _Outing(until=until, script_prefix=script_prefix, release=release, began_ns=began_ns))
    report = summarise(run)
    _tell_of_end(run, report, began_ns)
    return report


@dataclass(frozen=True, kw_only=True, slots=True)
class _Outing:
    """What one run has to itself."""

    until: float
    script_prefix: str
    release: str
    began_ns: dict[str, int]
    """When each test has begun, noted by its lane."""


def _tell_of_end(run: Run, report: Report, began_ns: Mapping[str, int]) -> None:
    """Tell of all tests and of the run; all at once, so that receivers hold up the answer no more than one could."""
    events: list[Event] = []

    def send(signal: Signal, **facts: Any) -> None:
        events.append((signal, facts))

    are_passes_heard = announce.are_passes_heard()
    for step in run.plan.steps:
        result = run.results[step.id]
        if result.outcome.is_ok and not are_passes_heard:
            continue
        began = began_ns.get(step.id) or int(run.started_at.timestamp() * 1e9) if run.started_at else 0
        span = (began, began + int((result.duration_seconds or 0) * 1e9))
        announce.test_ended(step, result, span, run_id="", release=run.release, send=send)
    announce.run_ended(report, send)
    _send(events)


def _send(events: Sequence[Event]) -> None:
    """Send within bounds; here, where receivers see the data of a project's own TestCase, if one is what asks."""
    if not is_inside_test_case():
        send_all(events)
        return
    for signal, facts in events:
        announce.send_at_once(signal, **facts)


def _run(plan: Plan, found: Found, conf: Conf, outing: _Outing) -> Run:
    started_at, began = datetime.now(UTC), time.monotonic()
    results = dict(plan.known)
    if is_inside_test_case():
        results |= {result.id: result for result in _on_callers_thread(plan, found)}
    else:
        results |= {result.id: result for result in _on_lanes(plan, found, conf, outing)}
    return Run(
        plan=plan,
        results=results,
        counts=count(results),
        test_classes=plan.test_classes,
        tests_total=len(plan.steps),
        release=outing.release,
        host=platform.node(),
        started_at=started_at,
        finished_at=datetime.now(UTC),
        seconds=time.monotonic() - began,
    )


def _on_lanes(plan: Plan, found: Found, conf: Conf, outing: _Outing) -> Iterable[Result]:
    steps = {step.id: step for step in plan.steps}
    scrub = own_secrets.scrubber().result
    lanes, surroundings = _of_process(os.getpid())
    surroundings.refresh()
    ended_jobs = lanes.run(
        [[_job(step, found.classes.get(step.test_id), outing, scrub, conf) for step in unit] for unit in plan.units()],
        until=outing.until,
        concurrency=conf.concurrency,
    )
    return [ended.value or scrub(_without_answer(steps[ended.key], ended, conf)) for ended in ended_jobs]


def _on_callers_thread(plan: Plan, found: Found) -> Iterable[Result]:
    """Run the tests where a project's own TestCase runs, so that they see its data; no limit can be kept there."""
    with callers_session(found.classes) as run:
        scrub = own_secrets.scrubber().result
        return [scrub(run(step)) for step in plan.steps if step.id not in plan.known]


_shared: dict[int, tuple[Lanes, Surroundings]] = {}


def _of_process(process: int) -> tuple[Lanes, Surroundings]:
    """Return the lanes of this process, and what they share: a forked one has none of its parent's threads."""
    if process not in _shared:
        surroundings = Surroundings()
        # Of two requests that are the first at once one wins, and the other takes what that has made.
        _shared.setdefault(process, (Lanes(partial(open_session, surroundings)), surroundings))
    return _shared[process]


def _job(
    step: Step, test_class: type[SmokeTest] | None, outing: _Outing, scrub: Callable[[Result], Result], conf: Conf
) -> Job[Result]:
    def work(session: Session, clock: Clock, *, step: Step = step) -> Result:
        outing.began_ns[step.id] = time.time_ns()
        if outing.script_prefix != "/":  # what a new context has
            set_script_prefix(outing.script_prefix)
        return scrub(session.execute(step, test_class, clock))  # here, where it counts against the test's time

    last = partial(work, step=replace(step, keeps=0)) if step.keeps else None
    # No run gives it more than the budget, so after that it hangs, whatever its own limit is.
    return Job(key=step.id, work=work, seconds=min(step.timeout_seconds, conf.budget), last=last)


def _without_answer(step: Step, ended: Ended[Result], conf: Conf) -> Result:
    is_timeout = _CAUSES.get(ended.fate) is Cause.TIMEOUT
    since = ended.since_at.isoformat(timespec="seconds") if ended.since_at else ""
    messages = {
        Fate.LEFT: f"timed out after {min(step.timeout_seconds, ended.seconds):.3g} s; its thread is left to itself",
        Fate.STILL_LEFT: f"still hanging since {since}; it was not begun again",
        Fate.SATURATED: "not run: too many tests hang already in this process",
        Fate.BROKEN: "not run: the connections to the databases could not be made",
        Fate.RAISED: "its result could not be made",
        Fate.NOT_BEGUN: f"not run: the run's budget of {conf.budget:g} s was spent before it could begin",
    }
    return Result(
        id=step.id,
        outcome=Outcome.ERRORED,
        cause=_CAUSES.get(ended.fate, Cause.NOT_RUN),
        message=messages[ended.fate],
        traceback=cut(f"Where it is (most recent call last):\n{ended.stack}" if is_timeout else ended.stack),
        duration_seconds=ended.seconds if is_timeout else None,
        host=platform.node(),
        pid=os.getpid(),
    )
