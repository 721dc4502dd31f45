"""A plan as a list of its tests."""

from collections.abc import Iterator

from smoketest.results import Plan, Step


def render(plan: Plan) -> str:
    """Return a line for each test: its id, its marks and its limit."""
    return "".join(f"{step.id}  {', '.join(_marks(step, plan))}\n" for step in plan.steps)


def _marks(step: Step, plan: Plan) -> Iterator[str]:
    if step.id in plan.known:
        yield "would not load"
        return
    if step.is_slow:
        yield "slow"
    yield f"timeout {step.timeout_seconds:g} s"
    if step.tags:
        yield f"tags {' '.join(step.tags)}"
    if not step.is_rolled_back:
        yield "commits"
