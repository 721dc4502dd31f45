"""The leases of workers in Redis."""

import json
from dataclasses import replace

import pytest

from smoketest.record.workers import LEASE_SECONDS, Worker, alive, open_roll

WORKER = Worker(id="web1/1/ab", host="web1", node="celery@web1", pid=1, pool="prefork", queues=("celery",), release="r")


@pytest.fixture
def roll(own_redis):
    """A roll without any workers."""
    return open_roll(own_redis.url)


def expire_lease(own_redis, worker_id, seconds):
    """Let a lease have run out so long ago."""
    own_redis.client.zincrby("smoketest:{workers}:leases", -1000 * (LEASE_SECONDS + seconds), worker_id)


def test_beat__is_present(roll):
    """Who has beaten is present and known as it told of itself; others are not."""
    roll.beat(WORKER)

    assert roll.present([WORKER.id, "web2/1/cd"]) == [WORKER.id]
    assert [replace(each, left_seconds=0.0) for each in alive(roll.workers())] == [WORKER]


def test_beat__of_a_later_version(roll, own_redis):
    """Of a worker of a later version that is known which this one knows."""
    roll.beat(WORKER)
    key = "smoketest:{workers}:facts"
    own_redis.client.hset(key, WORKER.id, json.dumps({**json.loads(own_redis.client.hget(key, WORKER.id)), "x": 1}))

    assert [each.id for each in roll.workers()] == [WORKER.id]


def test_beat__facts_lost(roll, own_redis):
    """A worker of which Redis has lost all but the lease is none."""
    roll.beat(WORKER)
    own_redis.client.delete("smoketest:{workers}:facts")

    assert roll.workers() == []


def test_beat__lease_runs_out(roll, own_redis):
    """One whose lease has run out is not present, but remembered for a while."""
    roll.beat(WORKER)
    expire_lease(own_redis, WORKER.id, 10)

    assert roll.present([WORKER.id]) == []
    assert [each.is_alive for each in roll.workers()] == [False]


def test_beat__forgets(roll, own_redis):
    """One that has been gone for long is forgotten, by the next that beats at the latest."""
    roll.beat(WORKER)
    expire_lease(own_redis, WORKER.id, 100)
    remembered = roll.workers()

    roll.beat(replace(WORKER, id="web2/1/cd"))

    assert remembered == []
    assert own_redis.client.hkeys("smoketest:{workers}:facts") == ["web2/1/cd"]


def test_leave(roll):
    """One that has said goodbye is not missed."""
    roll.beat(WORKER)

    roll.leave(WORKER.id)

    assert roll.workers() == []
