"""Runs on each kind of Redis, and on another broker than Redis."""

import os
import re
import secrets
import time
from urllib.parse import urlsplit

import pytest
import trustme
from celery import current_app
from kombu import Connection

from smoketest import conf
from smoketest.queue.dispatch import Message, look, publish
from tests.live.conftest import outcomes_of
from tests.outages import Proxy
from tests.servers import EmbeddedRedis, Worker, running

pytestmark = [pytest.mark.live, pytest.mark.drill]


@pytest.fixture
def rabbitmq():
    """The address of a RabbitMQ, and a list for the queues that are to be deleted there in the end."""
    url = os.environ.get("TEST_RABBITMQ_URL", "amqp://guest:guest@127.0.0.1:5672//")
    made = []
    try:
        with Connection(url, connect_timeout=3) as connection:
            connection.connect()
    except OSError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"no RabbitMQ: {error}")
    yield url, made
    with Connection(url) as connection:
        for name in made:
            connection.default_channel.queue_delete(name)
            connection.default_channel.exchange_delete(name)  # Celery makes one for each queue


@pytest.fixture
def run_all(queued, own_redis, deployer, monkeypatch):
    """Run tests with the queue and the record at different places; return the report."""

    def run(store_url, *apps, broker_url=own_redis.url, queues=None):
        worker = Worker(broker_url, SMOKETEST_TEST_STORE_URL=store_url)
        (queues if queues is not None else []).append(worker.queue)  # the worker's own goes by itself
        queued(own_redis, worker, *apps, redis_url=store_url)
        monkeypatch.setenv("CELERY_BROKER_URL", broker_url)
        worker.start()
        try:
            return deployer.run()
        finally:
            worker.stop()

    return run


@pytest.mark.usefixtures("row")
def test_cluster(run_all, cluster):
    """A run is kept whole by a cluster: all its keys are in one slot."""
    report = run_all(cluster.url, "shop")

    assert report["status"] == "PASS"
    assert len(report["results"]) == 5
    assert sum(node.client.dbsize() for node in cluster.nodes) > 0


@pytest.mark.usefixtures("row")
def test_sentinel(run_all, sentinel, own_redis):
    """The record is kept by the master that the sentinels name."""
    report = run_all(sentinel.url, "shop")

    assert report["status"] == "PASS"
    assert own_redis.client.keys("smoketest:*")


@pytest.fixture
def behind_sentinels(sentinel, monkeypatch):
    """The address, for Celery, of what three sentinels name the master."""
    monkeypatch.setitem(current_app.conf, "broker_transport_options", {"master_name": "watched"})
    return ";".join([f"sentinel://127.0.0.1:{sentinel.port}/0"] * 3)


@pytest.mark.usefixtures("row")
def test_sentinel__broker(run_all, behind_sentinels, own_redis):
    """The broker may be what sentinels name the master."""
    report = run_all(own_redis.url, "shop", broker_url=behind_sentinels)

    assert report["status"] == "PASS"


@pytest.fixture
def queued_apart(queued, own_redis, behind_sentinels, monkeypatch):
    """Queue the example's tests there, with the record at a Redis of its own."""
    with running(EmbeddedRedis()) as store:
        queued(own_redis, None, "shop", redis_url=store.url, queue="orders")
        monkeypatch.setenv("CELERY_BROKER_URL", behind_sentinels)
        yield


@pytest.mark.usefixtures("queued_apart")
@pytest.mark.parametrize("frozen", ["own_redis", "sentinel"])
def test_sentinel__broker_frozen(request, deployer, frozen):
    """Where the broker's master or its sentinels are frozen a start is refused about as soon as elsewhere."""
    deployer.delete(deployer.start())

    with request.getfixturevalue(frozen).frozen():
        began = time.monotonic()
        refused = deployer.post("/smoketest/slow/", query_params={"new": "1"})
        seconds = time.monotonic() - began
    taken = deployer.post("/smoketest/slow/", query_params={"new": "1"})

    assert (refused.status_code, taken.status_code) == (503, 202)
    assert seconds < 2.5


@pytest.mark.usefixtures("row")
@pytest.mark.parametrize("own_redis", [("--unixsocket", "redis.sock", "--save", "")], indirect=True)
def test_unix(run_all, own_redis):
    """The record is reached by a socket of the machine's own."""
    folder = own_redis.client.config_get("dir")["dir"]

    report = run_all(f"unix://{folder}/redis.sock", "shop")

    assert report["status"] == "PASS"


@pytest.mark.usefixtures("row")
def test_tls(run_all, secure, trusted):
    """Broker and record are reached by TLS."""
    report = run_all(secure + trusted, "shop", broker_url=secure + trusted)

    assert report["status"] == "PASS"


@pytest.fixture
def other_authority(tmp_path):
    """The query of an address whose server somebody else would have to vouch for."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    return f"?ssl_ca_certs={tmp_path / 'other.pem'}"


@pytest.mark.parametrize("is_any_named", [False, True])
def test_tls__record_is_not_trusted(queued, own_redis, secure, other_authority, deployer, is_any_named):
    """A Redis that nobody vouches for is refused, whether its address names an authority or not, and told why."""
    queued(own_redis, None, "shop", redis_url=secure + is_any_named * other_authority)

    answer = deployer.post("/smoketest/slow/", query_params={"new": "1"})

    assert answer.status_code == 503
    assert re.search("^Redis at .* does not answer: .*certificate verify failed", answer.json()["detail"])


def test_tls__broker_is_not_trusted(queued, own_redis, secure, other_authority, deployer, monkeypatch):
    """So is a broker for which the named authority does not vouch."""
    queued(own_redis, None, "shop")
    monkeypatch.setenv("CELERY_BROKER_URL", secure + other_authority)

    answer = deployer.post("/smoketest/slow/", query_params={"new": "1"})

    assert answer.status_code == 503
    assert re.search("^the broker at .* does not answer: .*certificate verify failed", answer.json()["detail"])


@pytest.mark.usefixtures("row")
def test_rabbitmq(run_all, own_redis, rabbitmq):
    """With RabbitMQ as broker and Redis as the record's place everything is as ever."""
    url, made = rabbitmq
    report = run_all(own_redis.url, "shop", "hostile", broker_url=url, queues=made)

    assert report["tests_total"] == len(report["results"])
    assert outcomes_of(report)["TillTest.test_adds_up"] == ("passed", None)
    assert outcomes_of(report)["HangTest.test_sleeps"] == ("errored", "timeout")
    assert not own_redis.client.keys("_kombu*")


def test_rabbitmq__round_trip(run_all, own_redis, rabbitmq):
    """With RabbitMQ as the broker too a ready-made test has its message answered by a worker."""
    url, made = rabbitmq

    report = run_all(own_redis.url, "ready_made", broker_url=url, queues=made)

    assert report["status"] == "PASS", report["results"]


def test_rabbitmq__not_to_be_sent(queued, own_redis, rabbitmq, monkeypatch):
    """RabbitMQ has no messages sent that turn out to be unwanted when all else is ready."""
    url, made = rabbitmq
    made.append(f"smoke-{secrets.token_hex(4)}")
    queued(own_redis, None, "shop", queue=made[0])
    monkeypatch.setenv("CELERY_BROKER_URL", url)

    sent = [
        publish("run", [Message()], run_seconds=1, conf=conf.current(), may_send=lambda wanted=wanted: wanted)
        for wanted in (True, False)
    ]

    assert (sent, look(conf.current()).messages) == ([True, False], 1)


def test_rabbitmq__second_broker(queued, own_redis, rabbitmq, deployer, monkeypatch):
    """Where the first RabbitMQ of several refuses connections the next gets the messages."""
    url, made = rabbitmq
    made.append(f"smoke-{secrets.token_hex(4)}")
    queued(own_redis, None, "shop", queue=made[0])
    monkeypatch.setenv("CELERY_BROKER_URL", f"amqp://127.0.0.1:1//;{url}")

    answer = deployer.post("/smoketest/slow/", query_params={"new": "1"})

    assert answer.status_code == 202


@pytest.fixture
def falls_silent(request, queued, own_redis, rabbitmq, monkeypatch, deployer):
    """Queue the example's tests at a RabbitMQ that answers neither a certain method nor anything after it."""
    url, made = rabbitmq
    made.append(f"smoke-{secrets.token_hex(4)}")
    queued(own_redis, None, "shop", queue=made[0])
    parts = urlsplit(url)
    proxy = Proxy(parts.hostname, parts.port or 5672, last_word=request.param)
    proxy.start()
    netloc = f"{parts.username}:{parts.password}@127.0.0.1:{proxy.port}"
    monkeypatch.setenv("CELERY_BROKER_URL", url)
    deployer.delete(deployer.start())  # what a process does for its first start alone is done
    monkeypatch.setenv("CELERY_BROKER_URL", parts._replace(netloc=netloc).geturl())
    yield
    proxy.stop()


@pytest.mark.parametrize(
    ("falls_silent", "status"),
    [
        pytest.param(b"\x00\x14\x00\x0a", 503, id="channel.open"),
        pytest.param(b"\x00\x32\x00\x0a", 503, id="queue.declare"),
        pytest.param(b"\x00\x3c\x00\x28", 503, id="basic.publish"),
        pytest.param(b"\x00\x14\x00\x28", 202, id="channel.close"),
        pytest.param(b"\x00\x0a\x00\x32", 202, id="connection.close"),
    ],
    indirect=["falls_silent"],
)
@pytest.mark.usefixtures("falls_silent")
def test_rabbitmq__falls_silent(deployer, status):
    """A RabbitMQ that falls silent at any point holds a start up about as long as one answer may take, not thrice."""
    began = time.monotonic()

    answer = deployer.post("/smoketest/slow/", query_params={"new": "1"})

    assert answer.status_code == status
    assert time.monotonic() - began < 2.5
