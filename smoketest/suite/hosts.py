"""Turns a plan into one that runs each of its tests on every host."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from smoketest.results import Cause, Outcome, Plan, Result, Step


def on_each_host(plan: Plan, hosts: Sequence[str], missed: Mapping[str, str]) -> Plan:
    """Return the plan with each test once for every host, its id followed by `@host`.

    `missed` holds why a host that is wanted can't run any; each is a row of its own.
    """
    here = tuple(step for step in plan.steps if step.id in plan.known)
    to_run = [step for step in plan.steps if step.id not in plan.known]
    steps = [replace(step, id=f"{step.id}@{host}", host=host) for host in hosts for step in to_run]
    rows = {f"worker@{host}": _lost(host, why) for host, why in missed.items()}
    return Plan(
        steps=(*here, *steps, *(_row(row_id) for row_id in rows)),
        known={**plan.known, **rows},
    )


def _row(row_id: str) -> Step:
    return Step(id=row_id, test_class="", timeout_seconds=0)


def _lost(host: str, why: str) -> Result:
    return Result(id=f"worker@{host}", outcome=Outcome.ERRORED, cause=Cause.LOST, message=why)
