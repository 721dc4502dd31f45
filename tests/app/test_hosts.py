"""Which hosts an order for all of them is for, and what is told of the others."""

import pytest

from smoketest.queue.orders import on_living_hosts
from smoketest.record.workers import GONE_SECONDS, LEASE_SECONDS, Worker
from smoketest.results import Cause, Outcome, Plan, Step

PLAN = Plan(steps=(Step(id="a", test_class="A", timeout_seconds=5),))


def make_worker(host, *, left_seconds=LEASE_SECONDS, is_stopping=False):
    """Return a worker of the host, by default one that has told of itself just now."""
    return Worker(
        id=f"{host}/1/ab",
        host=host,
        node=f"celery@{host}",
        pid=1,
        pool="prefork",
        queues=("celery",),
        release="r",
        is_stopping=is_stopping,
        left_seconds=left_seconds,
    )


def messages_of(plan):
    """Return id -> message of what is known before anything runs, all of it errored as lost."""
    assert {(each.outcome, each.cause) for each in plan.known.values()} <= {(Outcome.ERRORED, Cause.LOST)}
    return {row_id: result.message for row_id, result in plan.known.items()}


def test_living():
    """Each test is for every host that has a living worker, and nothing is told of it."""
    plan = on_living_hosts(PLAN, [make_worker("web2"), make_worker("web1")])

    assert [step.id for step in plan.steps] == ["a@web1", "a@web2"]
    assert messages_of(plan) == {}


def test_gone():
    """Of a host whose worker is gone it is told when that was last heard of, and not when its lease ran out."""
    plan = on_living_hosts(PLAN, [make_worker("web1"), make_worker("web2", left_seconds=-4.0)])

    assert [step.id for step in plan.steps] == ["a@web1", "worker@web2"]
    message = "web2's worker was last heard of 10 s ago, and is gone without a goodbye"
    assert messages_of(plan) == {"worker@web2": message}


def test_stopping():
    """A host whose worker is being shut down runs nothing, and is told of."""
    plan = on_living_hosts(PLAN, [make_worker("web1"), make_worker("web2", is_stopping=True)])

    assert [step.id for step in plan.steps] == ["a@web1", "worker@web2"]
    message = "web2's worker is being shut down; ask again when the next one is there"
    assert messages_of(plan) == {"worker@web2": message}


@pytest.mark.parametrize("left_seconds", [LEASE_SECONDS, 1 - GONE_SECONDS])
def test_replaced(left_seconds):
    """A host that has another worker is not told of."""
    leaving = make_worker("web1", left_seconds=left_seconds, is_stopping=True)

    plan = on_living_hosts(PLAN, [make_worker("web1"), leaving])

    assert messages_of(plan) == {}


@pytest.mark.parametrize("direction", [1, -1])
def test_several(direction):
    """Of several workers of a host it is told of the one that was the last to tell of itself."""
    workers = [make_worker("web2", left_seconds=-30.0), make_worker("web2", is_stopping=True)]

    plan = on_living_hosts(PLAN, [make_worker("web1"), *workers[::direction]])

    assert "is being shut down" in messages_of(plan)["worker@web2"]
