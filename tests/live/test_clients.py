"""Connections to each kind of Redis that get lost at the worst moment."""

import signal
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
import redis

from smoketest.errors import QueueUnavailableError
from smoketest.record.calls import Both, Call
from smoketest.record.clients import Client, known_addresses_only
from smoketest.record.scripts import Script
from tests import waiting
from tests.outages import Proxy
from tests.servers import running

pytestmark = pytest.mark.live

SECONDS = 0.5


class BrokenOffError(Exception):
    """What a signal handler raises."""


@pytest.fixture
def client(request, own_redis):
    """A client of a server with a text, by each kind of URL that names a host."""
    own_redis.client.set("text", "a")
    urls = {
        "redis": lambda: own_redis.url,
        "rediss": lambda: request.getfixturevalue("secure") + request.getfixturevalue("trusted"),
        "redis+sentinel": lambda: request.getfixturevalue("sentinel").url,
    }
    return Client(urls[request.param]().replace("127.0.0.1", "localhost"), timeout_seconds=SECONDS)


kinds = pytest.mark.parametrize("client", ["redis", "rediss", "redis+sentinel"], indirect=True)


def get_text(client):
    return Call(client, ("GET", "text"), str)


def text(client):
    """Return what is there under a key."""
    return get_text(client).ask()


@kinds
def test_known_addresses__closed(client, own_redis, looked_up):
    """A connection that was closed is made anew to where it led, with nobody looked up, encrypted as before."""
    text(client)
    own_redis.client.client_kill_filter(_type="normal", skipme=True)

    with known_addresses_only():
        again = text(client)

    assert again == "a"
    assert looked_up.count("localhost") == 1
    assert looked_up[-1] == "127.0.0.1"


@kinds
def test_known_addresses__frozen(client, own_redis, looked_up):
    """After Redis has stood still for longer than an answer may take it is asked again, with nobody looked up."""
    text(client)
    with own_redis.frozen(), known_addresses_only(), pytest.raises(QueueUnavailableError, match="TimeoutError"):
        text(client)

    with known_addresses_only():
        again = text(client)

    assert again == "a"
    assert looked_up.count("localhost") == 1


@kinds
@pytest.mark.usefixtures("own_redis")
def test_known_addresses__none(client, looked_up):
    """Where there was no connection yet nobody is looked up for one."""
    with known_addresses_only(), pytest.raises(QueueUnavailableError, match="it was never connected"):
        text(client)

    assert looked_up == []
    assert text(client) == "a"


@pytest.mark.parametrize("client", ["redis"], indirect=True)
def test_answer_left_unread(client):
    """A connection with an answer that nobody has read is not used: each gets the answer to what it asked."""
    text(client)
    with client.answering() as server:
        connection = server.connection_pool.get_connection()
        connection.send_command("ECHO", "unread")
        assert connection.can_read(timeout=SECONDS)
        server.connection_pool.release(connection)

    answers = [Call(client, ("ECHO", f"{number}"), str).ask() for number in range(3)]

    assert answers == ["0", "1", "2"]


@pytest.mark.parametrize("client", ["redis"], indirect=True)
def test_greeting_broken_off(client, own_redis, monkeypatch):
    """A connection whose greeting a signal handler has broken off is not used: its answers would be another's."""
    send = redis.Connection.send_command

    def send_and_break_off(*args, **kwargs):
        send(*args, **kwargs)
        raise BrokenOffError

    with own_redis.frozen():
        with monkeypatch.context() as patches:
            patches.setattr(redis.Connection, "send_command", send_and_break_off)
            with pytest.raises(BrokenOffError):
                text(client)
        with suppress(QueueUnavailableError), Both(get_text(client), get_text(client)) as both:
            own_redis.process.send_signal(signal.SIGCONT)
            assert both.first() == "a"

    assert text(client) == "a"


def test_cluster_away(cluster):
    """A cluster of which no node is there is told of as any Redis is, to who has met it and to who has not."""
    known, new = (Client(cluster.url, timeout_seconds=SECONDS) for _ in range(2))
    Call(known, ("GET", "text"), bool).ask()
    for node in cluster.nodes:
        node.kill()

    for client in (known, new, known):
        with pytest.raises(QueueUnavailableError, match="does not answer"):
            text(client)


def test_cluster_away__in_haste(cluster):
    """While a test waits only the node is asked that has its run: to ask all takes as long as there are nodes."""
    client = Client(cluster.url, timeout_seconds=SECONDS)
    Call(client, ("GET", "text"), bool).ask()
    gone = next(node for node in cluster.nodes if _has(node, "text"))
    others = [node for node in cluster.nodes if node is not gone]
    gone.kill()
    before = [_times_asked(node) for node in others]

    with known_addresses_only(), pytest.raises(QueueUnavailableError, match="does not answer"):
        text(client)
    in_haste = [_times_asked(node) for node in others]
    with pytest.raises(QueueUnavailableError, match="does not answer"):
        text(client)

    assert in_haste == before
    assert sum(_times_asked(node) for node in others) > sum(before)


def _has(node, key):
    """Tell whether a node of a cluster has the slot of a key."""
    try:
        node.client.get(key)
    except redis.ResponseError:
        return False
    return True


def _times_asked(node):
    """Return how often a node was asked who the nodes are."""
    return node.client.info("commandstats").get("cmdstat_cluster|slots", {"calls": 0})["calls"]


def test_replica(own_redis, redis_server):
    """Where another server has taken over behind the address whoever was connected to the old one goes to that."""
    with running(Proxy("127.0.0.1", own_redis.port)) as proxy:
        client = Client(f"redis://127.0.0.1:{proxy.port}/0", timeout_seconds=SECONDS)
        script = Script(client, "watch")
        script(["open", "keeper"], "me", 5000)
        own_redis.client.replicaof("127.0.0.1", redis_server.port)
        proxy.lead_to("127.0.0.1", redis_server.port)
        redis_server.client.delete("keeper", "written")

        script(["open", "keeper"], "me", 5000)
        Call(client, ("SET", "written", "b"), str).ask()

    assert redis_server.client.get("written") == "b"
    assert redis_server.client.get("keeper") == "me"


@pytest.mark.parametrize("client", ["redis"], indirect=True)
def test_many_who_waited(client, own_redis):
    """Connections at which somebody has waited long are not kept."""
    wait = Call(client, ("BLPOP", "nothing", 1.2), bool)
    patient = Client(own_redis.url, timeout_seconds=10)

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda _: Call(patient, wait.command, bool).ask(), range(20)))
    text(patient)

    waiting.until(lambda: own_redis.client.info("clients")["connected_clients"] <= 2, what="the others are closed")
