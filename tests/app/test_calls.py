"""What is asked of Redis, two things in one trip mostly, and what becomes of it when the connection does not last."""

import pytest

from smoketest.errors import QueueUnavailableError
from smoketest.record.calls import Both, Call, ask_both
from smoketest.record.clients import Client
from smoketest.record.scripts import Script
from tests import waiting


@pytest.fixture
def client(own_redis):
    """A client of a server with one text and one list."""
    own_redis.client.set("text", "a")
    own_redis.client.rpush("list", "b", "c")
    return Client(own_redis.url, timeout_seconds=0.5)


def get(client, key="text"):
    return Call(client, ("GET", key), str)


def count(client):
    return Call(client, ("LLEN", "list"), int)


def closed_by(server):
    """Have the server close all connections but the caller's."""
    server.client.client_kill_filter(_type="normal", skipme=True)


def test_both(client):
    """Both are answered, each in its own way, also when something else was done first."""
    with Both(get(client), count(client)) as both:
        other = get(client).ask()
        answers = both.second(), both.first(), both.second()

    assert (answers, other) == ((2, "a", 2), "a")


def test_both__left_behind(client):
    """Answers that nobody has waited for are nobody else's."""
    for _ in range(3):
        with Both(get(client), count(client)):
            pass

    assert get(client).ask() == "a"
    assert ask_both(count(client), get(client)) == (2, "a")


def test_both__closed_before(client, own_redis):
    """A connection that was closed while it was idle is made anew."""
    get(client).ask()
    closed_by(own_redis)

    assert ask_both(get(client), count(client)) == ("a", 2)


def test_both__closed_meanwhile(client, own_redis):
    """Where the connection is closed before the answers are there both are asked again."""
    wait = Call(client, ("BLPOP", "nothing", 0.2), bool)
    with Both(wait, count(client)) as both:
        closed_by(own_redis)
        answers = both.first(), both.second()

    assert answers == (False, 2)


def test_both__first_fails(client, own_redis):
    """An error of one is told, the other is done in any case, and neither answer is left for whoever comes next."""
    push = Call(client, ("RPUSH", "list", "d"), int)

    with pytest.raises(QueueUnavailableError, match="WRONGTYPE"):
        ask_both(get(client, "list"), push)

    assert own_redis.client.llen("list") == 3
    assert get(client).ask() == "a"


def test_both__frozen(client, own_redis):
    """A server that stands still is told of in time, and what it says later is nobody's answer."""
    get(client).ask()

    with own_redis.frozen(), pytest.raises(QueueUnavailableError, match="TimeoutError"):
        ask_both(get(client), count(client))

    assert ask_both(count(client), get(client)) == (2, "a")


def test_both__asked_again_in_vain(client, own_redis):
    """Where Redis has not answered whoever asks again is told so at once, and nothing is done twice for it."""
    push = Call(client, ("RPUSH", "list", "d"), int)
    get(client).ask()

    with own_redis.frozen(), Both(get(client), push) as both:
        for answer in (both.first, both.second):
            with pytest.raises(QueueUnavailableError, match="TimeoutError"):
                answer()

    waiting.until(lambda: own_redis.client.llen("list") == 3, what="Redis has done what it heard")
    assert own_redis.client.llen("list") == 3


def test_both__one_is_not_known(client, own_redis):
    """Where the server has forgotten a script that is asked again alone, not what was answered beside it."""
    watch = Script(client, "watch")
    own_redis.client.script_flush()

    pushed, _ = ask_both(Call(client, ("RPUSH", "list", "d"), int), watch.call(["w", "runs"], "me", 5))

    assert (pushed, own_redis.client.llen("list")) == (3, 3)


@pytest.mark.parametrize("is_known", [True, False])
def test_script(client, own_redis, is_known):
    """A script is run whether the server knows it already or has forgotten it, alone or beside another."""
    watch = Script(client, "watch")
    asked = (["w", "runs"], "me", 5)
    watch(*asked)
    if not is_known:
        own_redis.client.script_flush()

    alone = watch(*asked)
    if not is_known:
        own_redis.client.script_flush()
    both = ask_both(get(client), watch.call(*asked))

    assert both == ("a", alone)
