"""Runs that could not be queued: nothing of them is left that anybody else would meet."""

import contextlib
import json
import socket
import threading
from dataclasses import replace

import pytest

from smoketest.queue import launch
from smoketest.record.places import Places, open_places
from smoketest.record.redis import RedisStore, open_store
from smoketest.record.values import Shard
from smoketest.results import Outcome, Result
from tests import waiting
from tests.live.conftest import Deployer
from tests.outages import Proxy
from tests.servers import EmbeddedRedis, Worker, running

pytestmark = [pytest.mark.live, pytest.mark.drill]


@pytest.fixture
def broker(monkeypatch):
    """A broker that is not where the record is."""
    with running(EmbeddedRedis()) as server:
        monkeypatch.setenv("CELERY_BROKER_URL", server.url)
        yield server


@pytest.fixture
def ordered(project, own_redis, broker):  # noqa: ARG001 (it is there)
    """Order tests of an app whose broker is another server than the record's."""
    return lambda *apps, **settings: project(*apps, redis_url=own_redis.url, queue="orders", **settings)


def test_does_not_count(ordered, deployer, broker):
    """What the broker did not take is no start, of which there may be so many a minute, and in no list."""
    ordered("shop", starts_per_minute=3)
    broker.kill()
    refused = {deployer.post("/smoketest/slow/").status_code for _ in range(4)}
    listed = json.loads(deployer.get("/smoketest/runs/").content)["runs"]

    broker.start()
    taken = deployer.post("/smoketest/slow/")

    assert (refused, listed, taken.status_code) == ({503}, [], 202)


def test_is_gone(ordered, deployer, broker):
    """Whoever has joined a run that could not be queued is told that it is gone, not that it failed."""
    ordered("shop")
    deployer.delete(deployer.start())
    first = []
    with broker.frozen():
        refused = threading.Thread(target=lambda: first.append(Deployer().post("/smoketest/slow/").status_code))
        refused.start()
        waiting.until(lambda: len(listed(deployer)) == 2, what="the first has its place")
        url = deployer.post("/smoketest/slow/").headers["Location"].removeprefix("http://testserver")
        refused.join()

    answer = deployer.get(url)

    assert (first, answer.status_code) == ([503], 410)
    assert "was never queued" in json.loads(answer.content)["detail"]


def listed(deployer):
    """Return the recent runs."""
    return json.loads(deployer.get("/smoketest/runs/").content)["runs"]


def test_redis_frozen_before_it_is_published(queued, own_redis, deployer, monkeypatch):
    """Redis freezes when the run has its place: the same order starts another afterwards, with the same key too."""
    queued(own_redis, None, "shop", queue="orders")
    deployer.delete(deployer.start())  # connections and scripts are there
    publish = launch.publish

    with contextlib.ExitStack() as frozen:

        def freeze_and_publish(*args, may_send, **kwargs):
            assert may_send()
            frozen.enter_context(own_redis.frozen())
            publish(*args, may_send=may_send, **kwargs)

        monkeypatch.setattr(launch, "publish", freeze_and_publish)
        refused = deployer.post("/smoketest/slow/", headers={"Idempotency-Key": "k1"})
    monkeypatch.setattr(launch, "publish", publish)
    again = deployer.post("/smoketest/slow/", headers={"Idempotency-Key": "k1"})

    assert (refused.status_code, again.status_code) == (503, 202)
    assert json.loads(again.content)["status"] == "PENDING"


@contextlib.contextmanager
def out_from_creation_on(outage, monkeypatch):
    """Have an outage begin when a run is to be recorded, and end with the context."""
    create_call = RedisStore.create_call
    with contextlib.ExitStack() as out, monkeypatch.context() as patches:

        def create_in_outage(*args, **kwargs):
            out.enter_context(outage)
            return create_call(*args, **kwargs)

        patches.setattr(RedisStore, "create_call", create_in_outage)
        yield


def test_redis_frozen_before_it_has_its_place(queued, own_redis, deployer, monkeypatch):
    """Redis freezes when a run is to have its place: what it hears of that when it is back starts nothing."""
    queued(own_redis, None, "shop", queue="orders")
    deployer.delete(deployer.start())
    before = ids(own_redis), own_redis.client.llen("orders")

    with out_from_creation_on(own_redis.frozen(), monkeypatch):
        refused = deployer.post("/smoketest/slow/")
    waiting.until(lambda: own_redis.client.keys("smoketest:*:quiet"), what="Redis has heard of the run")

    assert refused.status_code == 503
    assert (ids(own_redis), own_redis.client.llen("orders")) == before


@pytest.mark.usefixtures("row")
def test_answer_is_lost(queued, own_redis, deployer, monkeypatch):
    """Redis takes a run and its answer is lost: it has its place, and whoever asks for the same again gets it."""
    worker = Worker(own_redis.url, SMOKETEST_TEST_QUEUE="orders", SMOKETEST_TEST_STORE_URL=own_redis.url)
    with running(Proxy("127.0.0.1", own_redis.port)) as proxy:
        queued(own_redis, worker, "shop", redis_url=f"redis://127.0.0.1:{proxy.port}/0", queue="orders")
        monkeypatch.setenv("CELERY_BROKER_URL", own_redis.url)
        deployer.delete(deployer.start())

        with out_from_creation_on(proxy.dumb(), monkeypatch):
            refused = deployer.post("/smoketest/slow/")
        (waiting_for_it,) = [each for each in listed(deployer) if each["status"] == "PENDING"]
        again = deployer.post("/smoketest/slow/")
        with running(worker):
            report = deployer.final(again.headers["Location"].removeprefix("http://testserver"))

    assert (refused.status_code, again.status_code) == (503, 202)
    assert (report["status"], report["run_id"]) == ("PASS", waiting_for_it["run_id"])


@pytest.mark.parametrize("query", ["", "?new=1"])
def test_claim_comes_late(queued, own_redis, deployer, monkeypatch, query):
    """Redis stutters when a run is to have the place of one that has ended: none is started, and no other shown."""
    queued(own_redis, None, "shop", queue="orders")
    end(own_redis, deployer.start())
    claim_call = Places.claim_call

    def claim_late(self, wanted, run_id, seen, **asked):
        return claim_call(self, wanted, run_id, replace(seen, at_ms=seen.at_ms - 1000), **asked)

    monkeypatch.setattr(Places, "claim_call", claim_late)
    refused = deployer.post(f"/smoketest/slow/{query}")

    assert refused.status_code == 503
    assert "took too long" in json.loads(refused.content)["detail"]


def end(server, url):
    """Take all tests of a run and let them pass; nobody has told of its end."""
    store, shard = store_of(server), Shard(run_id=url.rstrip("/").rpartition("/")[2], name="one")
    answer = store.step(shard)
    while answer.assignments:
        results = [Result(id=each.step.id, outcome=Outcome.PASSED) for each in answer.assignments]
        answer = store.step(shard, ended=list(zip(answer.assignments, results, strict=True)))
    assert answer.has_ended


def test_list__silent_broker(project, own_redis, deployer, monkeypatch):
    """The list of runs that nobody took asks a broker that does not answer once, not once for each of them."""
    project("shop", redis_url=own_redis.url, queue="orders", start_timeout=1)
    monkeypatch.setenv("CELERY_BROKER_URL", own_redis.url)
    for _ in range(5):
        deployer.start()
    waiting.until(lambda: all(store_of(own_redis).peek(each).silent_lanes for each in ids(own_redis)), what="silence")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("CELERY_BROKER_URL", f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        statuses = [each["status"] for each in listed(deployer)]
        asked = len(connections_of(silent))

    assert (statuses, asked) == (["FAIL"] * 5, 1)


def store_of(server):
    return open_store(server.url)


def ids(server):
    return open_places(server.url).recent_ids()


def connections_of(server):
    """Return who has connected and waits to be accepted."""
    server.settimeout(0)
    with contextlib.suppress(BlockingIOError), contextlib.ExitStack() as stack:
        found = []
        while True:
            found.append(stack.enter_context(server.accept()[0]))
    return found
