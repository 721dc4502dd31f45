"""smoketest.contrib.clock, against a Redis whose clock is really off."""

import re

import pytest
from django.test import override_settings

from smoketest.contrib import clock
from smoketest.results import Outcome
from tests.clocks import environment_of_clock
from tests.contrib.running import result_of
from tests.servers import EmbeddedRedis


@pytest.fixture
def shifted_redis(monkeypatch, tmp_path):
    """A Redis that is started with a clock so many seconds ahead: `shifted_redis(-3600)`."""
    servers = []

    def start(seconds):
        with monkeypatch.context() as patch:
            for name, value in environment_of_clock(seconds, tmp_path).items():
                patch.setenv(name, value)
            servers.append(EmbeddedRedis())
            servers[-1].start()
        return servers[-1].url

    yield start
    for server in servers:
        server.stop()


def test_agrees(redis_server):
    """Two clocks that agree pass."""
    result = result_of(clock.RedisClockTest, url=redis_server.url)

    assert result.outcome is Outcome.PASSED, result.message


@pytest.mark.parametrize(("seconds", "words"), [(-3600, "ahead of"), (10, "behind")])
def test_apart(shifted_redis, seconds, words):
    """Clocks that are apart fail, by how much and which way."""
    url = shifted_redis(seconds)

    result = result_of(clock.RedisClockTest, url=url)

    assert result.outcome is Outcome.FAILED
    told = re.match(r"this host's clock is (\d+\.\d+) s (.+?) that of Redis\. Look at the time service", result.message)
    assert float(told[1]) == pytest.approx(abs(seconds), abs=2)  # how long the answer took is in it
    assert told[2] == words


def test_limit(shifted_redis):
    """A difference within `most_seconds` passes."""
    assert result_of(clock.RedisClockTest, url=shifted_redis(10), most_seconds=11).outcome is Outcome.PASSED


def test_server_killed(own_redis):
    """A Redis that is gone fails with its address, without its password."""
    own_redis.kill()

    result = result_of(clock.RedisClockTest, url=own_redis.url.replace("://", "://:s3cret@"))

    assert result.outcome is Outcome.FAILED
    address = own_redis.url.removeprefix("redis://")
    told = f"the clock of Redis can't be read: Redis at {address} does not answer: ConnectionError: "
    assert result.message.startswith(told)
    assert "s3cret" not in str(result)


def test_server_of_the_setting(redis_server):
    """Without `url` the Redis of the runs is asked."""
    with override_settings(SMOKETEST_REDIS_URL=redis_server.url):
        result = result_of(clock.RedisClockTest)

    assert result.outcome is Outcome.PASSED
