"""How workers look after the runs that go on."""

import os
import time
from contextlib import suppress

import pytest

from smoketest import conf
from smoketest.errors import QueueUnavailableError
from smoketest.queue.dispatch import own_queue
from smoketest.queue.main import Main, machine
from smoketest.queue.presence import Absences, Presence
from smoketest.record.encoding import new_run
from smoketest.record.places import OPEN, open_places
from smoketest.record.redis import open_store
from smoketest.record.values import About, Shard, Terms
from smoketest.record.workers import Worker
from smoketest.results import Plan, Step

RUN = "1a1f8e7c2d5-0f3e5c7a9b1d2f4e6a8c0b2d4f6e8a0c-5d41402a"


@pytest.fixture
def join(redis_server, project, monkeypatch):
    """Have a worker of a queue and a release, while a test of release r1 waits for one."""
    redis_server.client.flushall()
    monkeypatch.setenv("CELERY_BROKER_URL", redis_server.url)
    monkeypatch.setattr("smoketest.queue.presence._IDLE_SECONDS", 0.0)
    project(redis_url=redis_server.url)
    step = Step(id="shop.smoke.Test.test_a", test_class="shop.smoke.Test", timeout_seconds=5)
    about = About(release="r1", host="web1", test_classes=1)
    terms = Terms(start_seconds=60, keep_seconds=1000, parallel=2)
    open_store(redis_server.url).create_call(RUN, new_run(Plan(steps=(step,)), about, terms)).ask()
    places = open_places(redis_server.url)
    places.claim_call("this", RUN, places.look_call("this", most=10).ask(), most=10, keep_seconds=1000).ask()

    def join(name, queue, release):
        worker = Worker(id=name, host=name, node=name, pid=1, pool="prefork", queues=(queue,), release=release)
        return Presence(Main(), worker, conf.current(), queue=queue)

    return join


@pytest.mark.parametrize(("queue", "release"), [("other", "r1"), ("ours", "r2")])
def test_look__others(join, redis_server, queue, release):
    """A worker of another queue or release keeps nobody from sending for tests that wait."""
    strange, ours = join("strange", queue, release), join("worker", "ours", "r1")

    for _ in range(2):
        strange.look()
        ours.look()

    assert redis_server.client.llen(own_queue("worker").name)


def test_look__broker_out_of_reach(join, redis_server, monkeypatch):
    """A worker that can't send for tests that wait leaves them to one that can."""
    first, second = join("first", "ours", "r1"), join("second", "ours", "r1")
    with monkeypatch.context() as patch:
        patch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
        for _ in range(2):  # in the same millisecond nobody has waited yet
            with suppress(QueueUnavailableError):
                first.look()

    second.look()

    assert redis_server.client.llen(own_queue("second").name)


def test_look__until_it_is_told(join, redis_server):
    """A run that has ended is looked at until that is told: whoever claimed to tell of it may have died."""
    worker, store = join("worker", "ours", "r1"), open_store(redis_server.url)
    store.cancel(RUN)
    store.claim_telling(RUN, ["finished"])
    worker.look()
    kept = redis_server.client.zrange(OPEN, 0, -1)
    redis_server.client.hset(f"smoketest:{{{RUN}}}", "telling:finished", 1)

    worker.look()  # tells
    worker.look()

    assert kept == [RUN]
    assert store.peek(RUN).told == ("finished",)
    assert redis_server.client.zrange(OPEN, 0, -1) == []


def test_look__a_run_that_cannot_be_read(join, redis_server):
    """A run that is recorded as nobody here can read, by another version say, keeps nobody from the others."""
    worker = join("worker", "ours", "r1")
    redis_server.client.hset("smoketest:{strange}", "strange", 1)
    redis_server.client.zadd(OPEN, {"strange": 1})

    for _ in range(2):
        worker.look()

    assert redis_server.client.llen(own_queue("worker").name)


def test_look__broker_away(join, redis_server, monkeypatch):
    """Messages that could not be sent are none: as soon as the broker is back there is another."""
    worker, store, lanes = join("worker", "ours", "r1"), open_store(redis_server.url), f"smoketest:{{{RUN}}}:lanes"
    monkeypatch.setattr("smoketest.queue.presence._IDLE_SECONDS", 0.1)
    changes = []

    def sent():
        return int(redis_server.client.hget(lanes, "sent@") or 0)

    with monkeypatch.context() as patch:
        patch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
        for _ in range(5):
            redis_server.client.zadd(f"smoketest:{{{RUN}}}:quiet", {"": time.time() * 1000 - 10_000})
            redis_server.client.hset(lanes, "sent_at@", 1)
            before = sent()
            with pytest.raises(QueueUnavailableError) as raised:
                worker.look()
            if "broker" in str(raised.value):  # else the machine stood still, and Redis' answer was not waited for
                changes.append(sent() - before)
    redis_server.client.hset(lanes, "sent@", 0)
    store.unsend(RUN, [""])

    assert set(changes) == {0}
    assert sent() == 0


def test_absences():
    """A worker is taken for dead when its processes would have given up to reach Redis too, not before."""
    absences, times = Absences(), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]
    long_at = []

    for now in times:
        absences.note(["present"], ["present", "missing"], now)
        long_at += [now] if absences.are_long("missing") else []

    assert long_at == [20]
    assert not absences.are_long("present")


def test_look__cannot_beat(join, redis_server, monkeypatch):
    """What runs in a process of this machine that lives is not lost, however long its worker has not beaten."""
    worker, store = join("worker", "ours", "r1"), open_store(redis_server.url)
    names = {place: f"{place}:{os.getpid()}:alive task silent 1" for place in (machine(), "another")}
    for name in names.values():
        store.hold(Shard(run_id=RUN, name=name), limit_seconds=60)
    monkeypatch.setattr(Absences, "are_long", lambda _self, _worker: True)

    worker.look()

    assert store.owners(RUN) == [names[machine()]]


def test_look__lane_of_a_worker_of_another_queue(join):
    """The tests of a host are for its worker, whatever queue that consumes beside its own."""
    worker = join("web1", "emails", "r1")._worker

    takers = {lane: worker.takes(lane, "ours") for lane in ("", "web1", "web2")}

    assert takers == {"": False, "web1": True, "web2": False}
