"""A shard of a run: what it does while a test takes long, and before one can begin."""

import socket
import threading

import pytest
import redis

from smoketest import conf
from smoketest.queue import shard
from smoketest.queue.dispatch import own_queue
from smoketest.queue.main import Main
from smoketest.queue.shard import Work, given_up_if_raised, run_tests
from smoketest.record.encoding import new_run
from smoketest.record.redis import open_store
from smoketest.record.values import About, Shard, Terms
from smoketest.results import Outcome, Plan, Result, Step
from tests import waiting

RUN = "1a1f8e7c2d5-0f3e5c7a9b1d2f4e6a8c0b2d4f6e8a0c-5d41402a"
QUEUE = own_queue("nobody").name


@pytest.fixture
def work(redis_server, project, monkeypatch):
    """Make shards of a run of 16 tests, two of which may work side by side."""
    redis_server.client.flushall()
    monkeypatch.setenv("CELERY_BROKER_URL", redis_server.url)
    project(redis_url=redis_server.url, queue=QUEUE)
    steps = [make_step(f"{number:02}") for number in range(16)]
    about = About(release="r1", host="web1", test_classes=1)
    store = open_store(redis_server.url)
    terms = Terms(start_seconds=60, keep_seconds=1000, parallel=2)
    store.create_call(RUN, new_run(Plan(steps=tuple(steps)), about, terms)).ask()

    def make(name):
        return Work(shard=Shard(run_id=RUN, name=name), store=store, conf=conf.current(), release="r1")

    return make


def make_step(name):
    return Step(id=f"shop.smoke.Test.test_{name}", test_class="shop.smoke.Test", timeout_seconds=10)


def quick(step, _is_wanted):
    return Result(id=step.id, outcome=Outcome.PASSED, duration_seconds=0.0)


class Processes:
    """Some that stand by, or have to be prepared first; what was asked for is kept."""

    def __init__(self, prepare=None):
        self.asked = []
        self._prepare = prepare

    @property
    def is_ready(self):
        return not self._prepare

    def prepare(self, still):
        self.asked.append("prepare")
        if self._prepare:
            self._prepare(still)


class Dying(Processes):
    """Some that look alive until one has to be prepared."""

    is_ready = True


READY = Processes()


def test_help_is_called(work, redis_server):
    """What was taken with a test that takes long is for another shard; with none at work one is sent for."""
    ran = {"one": [], "two": []}

    def run_by_two(step, is_wanted):
        ran["two"].append(step.id[-2:])
        return quick(step, is_wanted)

    def run_by_one(step, is_wanted):
        ran["one"].append(step.id[-2:])
        if step.id.endswith("_05"):
            sent = [redis_server.client.llen(QUEUE)]
            assert is_wanted()
            waiting.until(lambda: redis_server.client.llen(QUEUE), what="help is called")
            assert is_wanted()
            sent.append(redis_server.client.llen(QUEUE))
            assert sent == [0, 1]
            run_tests(work("two"), run_by_two, READY)
        return quick(step, is_wanted)

    run_tests(work("one"), run_by_one, READY)

    assert ran["one"] == ["00", "01", "02", "03", "04", "05"]
    assert ran["two"] == [f"{number:02}" for number in range(6, 16)]


def test_help_is_called__name_not_found(work, redis_server, monkeypatch):
    """No test waits while the broker's name is looked up, which no timeout bounds."""
    resolve, is_asked, is_answered = socket.getaddrinfo, threading.Event(), threading.Event()
    monkeypatch.setenv("CELERY_BROKER_URL", redis_server.url.replace("127.0.0.1", "localhost").replace("/0", "/7"))
    queues = redis.Redis(port=redis_server.port, db=7)

    def look_up(host, *args, **kwargs):
        if host == "localhost":
            is_asked.set()
            is_answered.wait(10)
            is_answered.set()
        return resolve(host, *args, **kwargs)

    def run(step, is_wanted):
        if step.id.endswith("_05"):
            assert is_wanted()
            assert is_asked.wait(waiting.LIMIT_SECONDS)
            assert not is_answered.is_set()
            is_answered.set()
        return quick(step, is_wanted)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    run_tests(work("one"), run, READY)

    waiting.until(lambda: queues.llen(QUEUE), what="help is called at last")


def test_help_is_there(work, redis_server):
    """Nobody is sent for while as many shards are at work as may be."""
    work("two").store.step(work("two").shard)

    def run(step, is_wanted):
        if step.id.endswith("_05"):
            assert is_wanted()
        return quick(step, is_wanted)

    run_tests(work("one"), run, READY)

    assert redis_server.client.llen(QUEUE) == 0


def test_nothing_is_begun_by_a_worker_that_stops(work, redis_server, monkeypatch):
    """A worker that is told to end hands over at once, and starts no process for what it will not run."""
    main, processes = Main(), Processes()
    main.stop()
    monkeypatch.setattr(shard, "main_process", lambda: main)
    work("one").store.hold(work("one").shard)

    run_tests(work("one"), quick, processes)

    assert (processes.asked, redis_server.client.llen(QUEUE)) == ([], 1)


def test_lease_lasts_while_a_process_starts(work, redis_server):
    """While a process is started, which may take long, the shard renews its lease, and never shortens it."""
    leases, left = f"smoketest:{{{RUN}}}:leases", []

    def prepare(still):
        for lease_ms in (1000, 60_000):
            now_ms = redis_server.client.time()[0] * 1000
            redis_server.client.zadd(leases, {"one": now_ms + lease_ms})
            still()
            left.append(redis_server.client.zscore(leases, "one") - now_ms)

    work("one").store.hold(work("one").shard)
    run_tests(work("one"), quick, Processes(prepare))

    assert 9000 <= left[0] <= 12_000
    assert left[1] >= 60_000


def test_lease_lasts_while_the_process_for_a_step_starts(work, redis_server):
    """Where the process has died since it was seen, a step that was taken has its whole time when another is there."""
    leases, left = f"smoketest:{{{RUN}}}:leases", []

    def prepare(still):
        now_ms = redis_server.client.time()[0] * 1000
        redis_server.client.zadd(leases, {"one": now_ms + 1000})
        still()
        left.append(redis_server.client.zscore(leases, "one") - now_ms)

    run_tests(work("one"), quick, Dying(prepare))

    assert min(left) >= 15_000


def test_out_of_memory(work):
    """A shard without memory to go on is given up, in no such way that Celery would end the whole worker for it."""
    shard_work = work("one")
    shard_work.store.step(shard_work.shard)

    with pytest.raises(RuntimeError, match="could not run it: MemoryError"), given_up_if_raised(shard_work):
        raise MemoryError

    assert not shard_work.store.owns(shard_work.shard)
