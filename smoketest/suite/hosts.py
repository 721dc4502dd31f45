"""Turns a plan into one that runs each of its tests on every host."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from smoketest.results import Cause, Outcome, Plan, Result, Step


def on_each_host(plan: Plan, hosts: Sequence[str], gone: Mapping[str, float]) -> Plan:
    """Return the plan with each test once for every host, its id followed by `@host`.

    `gone` holds how many seconds ago a host was last heard of that was there not long ago; each is a row of its own.
    """
    here = tuple(step for step in plan.steps if step.id in plan.known)
    to_run = [step for step in plan.steps if step.id not in plan.known]
    steps = [replace(step, id=f"{step.id}@{host}", host=host) for host in hosts for step in to_run]
    missed = {f"worker@{host}": _missed(host, seconds) for host, seconds in gone.items()}
    return Plan(
        steps=(*here, *steps, *(_row(row_id) for row_id in missed)),
        known={**plan.known, **missed},
    )


def _row(row_id: str) -> Step:
    return Step(id=row_id, test_class="", timeout_seconds=0)


def _missed(host: str, seconds: float) -> Result:
    message = f"{host}'s worker was last heard of {seconds:.0f} s ago, and is gone without a goodbye"
    return Result(id=f"worker@{host}", outcome=Outcome.ERRORED, cause=Cause.LOST, message=message)
