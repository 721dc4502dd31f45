"""The clock of this host agrees with that of Redis, and so with those of the other hosts."""

import time
from contextlib import closing
from typing import ClassVar

from smoketest import conf
from smoketest.cases import SmokeTest
from smoketest.contrib.telling import require, told
from smoketest.record.clients import Client


class RedisClockTest(SmokeTest):
    """The clocks of this host and of the Redis server are no more than `most_seconds` apart.

    Each host that runs it is measured by the same clock. Half of the time that the question took is allowed for.
    """

    abstract = True
    slow = True  # so that the fast tests pass without Redis
    url: ClassVar[str] = ""
    """The server to ask; by default that of `SMOKETEST_REDIS_URL`."""
    most_seconds: ClassVar[float] = 2.0
    connect_seconds: ClassVar[float] = 3.0

    def test_agrees(self) -> None:
        url = self.url or conf.current().redis_url
        mend = "Look whether it runs and can be reached from this host"
        with told("the clock of Redis can't be read", mend=mend):
            apart, doubt = self._measure(url)
        state = f"this host's clock is {abs(apart):.3f} s {'behind' if apart > 0 else 'ahead of'} that of Redis"
        mend = "Look at the time service of both hosts (`timedatectl`, `chronyc tracking`)"
        require(abs(apart) - doubt <= self.most_seconds, f"{state}. {mend}")

    def _measure(self, url: str) -> tuple[float, float]:
        """Return by how much the server's clock is ahead, and how far off that may be."""
        with Client(url, timeout_seconds=self.connect_seconds).answering() as redis, closing(redis):
            redis.ping()  # connects, so that the question itself is short
            before, began = time.time(), time.monotonic()
            seconds, microseconds = redis.time()
            doubt = (time.monotonic() - began) / 2
        return seconds + microseconds / 1_000_000 - (before + doubt), doubt
