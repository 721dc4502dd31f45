"""The tests that a shard has in hand, and what it asks Redis while one of them runs."""

import pytest

from smoketest.queue.hand import Hand
from smoketest.record.encoding import new_run
from smoketest.record.redis import open_store
from smoketest.record.values import About, Shard, Terms
from smoketest.results import Plan, Step

RUN = "1a1f8e7c2d5-0f3e5c7a9b1d2f4e6a8c0b2d4f6e8a0c-5d41402a"


@pytest.fixture
def hand(own_redis):
    """The hand of a shard that runs the first test of a run; it reaches Redis by a name."""
    url = own_redis.url.replace("127.0.0.1", "localhost")
    store = open_store(url)
    plan = Plan(steps=tuple(Step(id=name, test_class="Test", timeout_seconds=5) for name in "ab"))
    terms = Terms(start_seconds=60, keep_seconds=100, parallel=2)
    store.create_call(RUN, new_run(plan, About(release="r1", host="web1", test_classes=1), terms)).ask()
    hand = Hand(Shard(run_id=RUN, name="one"), store, open_store(url, timeout_seconds=0.2), lambda: None)
    hand.take(is_stopping=False)
    return hand


def test_is_wanted__redis_dead(hand, own_redis, looked_up):
    """While a test runs no name is looked up, which may take longer than the test has left."""
    own_redis.kill()
    looked_up.clear()

    answers = [hand.is_wanted() for _ in range(3)]

    assert answers == [True] * 3
    assert set(looked_up) == {"127.0.0.1"}


def test_is_wanted__redis_back(hand, own_redis):
    """As soon as Redis is there again what has become of the run is heard of, also while the same test runs."""
    own_redis.kill()
    before = hand.is_wanted()
    own_redis.start()

    assert before
    assert not hand.is_wanted()  # the run is gone


def test_is_wanted__idle_connection(hand, own_redis):
    """A connection that was closed at the other end while it was idle is made anew before a test, not missed in one."""
    own_redis.client.client_kill_filter(_type="normal", skipme=True)
    hand._quick_store._client._answered_at -= 60

    hand.take(is_stopping=False)
    own_redis.client.delete(f"smoketest:{{{RUN}}}:shards")

    assert not hand.is_wanted()
