"""The leases of workers in Redis."""

from dataclasses import replace

import pytest

from smoketest.record.workers import LEASE_SECONDS, Worker, alive, open_roll

WORKER = Worker(id="web1/1/ab", host="web1", node="celery@web1", pid=1, pool="prefork", queues=("celery",), release="r")


@pytest.fixture
def roll(redis_server):
    """A roll without any workers."""
    redis_server.client.flushall()
    return open_roll(redis_server.url)


def expire_lease(redis_server, worker_id, seconds):
    """Let a lease have run out so long ago."""
    redis_server.client.zincrby("smoketest:{workers}:leases", -1000 * (LEASE_SECONDS + seconds), worker_id)


def test_beat__is_present(roll):
    """Who has beaten is present and known as it told of itself; others are not."""
    roll.beat(WORKER)

    assert roll.present([WORKER.id, "web2/1/cd"]) == [WORKER.id]
    assert [replace(each, left_seconds=0.0) for each in alive(roll.workers())] == [WORKER]


def test_beat__lease_runs_out(roll, redis_server):
    """One whose lease has run out is not present, but remembered for a while."""
    roll.beat(WORKER)
    expire_lease(redis_server, WORKER.id, 10)

    assert roll.present([WORKER.id]) == []
    assert [each.is_alive for each in roll.workers()] == [False]


def test_beat__forgets(roll, redis_server):
    """One that has been gone for long is forgotten, by the next that beats at the latest."""
    roll.beat(WORKER)
    expire_lease(redis_server, WORKER.id, 100)
    remembered = roll.workers()

    roll.beat(replace(WORKER, id="web2/1/cd"))

    assert remembered == []
    assert redis_server.client.hkeys("smoketest:{workers}:facts") == ["web2/1/cd"]


def test_leave(roll):
    """One that has said goodbye is not missed."""
    roll.beat(WORKER)

    roll.leave(WORKER.id)

    assert roll.workers() == []
