"""What a worker keeps of a run holds no secret: neither in Redis nor in any report."""

import pytest

from smoketest.report.formats import FORMATS
from tests.servers import Worker

pytestmark = pytest.mark.live

SECRET = "Zq7-hunter2/hunter2=hunter2"


@pytest.fixture
def told_worker(own_redis):
    """A worker that has a secret in its environment."""
    worker = Worker(own_redis.url, PLANTED_API_KEY=SECRET)
    worker.start()
    yield worker
    worker.stop()


def everything_in(server):
    """Return all that stands in a Redis, as text."""
    readers = {"string": server.get, "hash": server.hgetall, "list": lambda key: server.lrange(key, 0, -1)}
    return repr([readers[kind](key) for key in server.scan_iter() if (kind := server.type(key)) in readers])


def test_secrecy__queued(queued, own_redis, told_worker, deployer):
    """No test tells a worker's secret, not even to Redis."""
    queued(own_redis, told_worker, "leaky", timeout=1)

    url = deployer.start()
    report = deployer.final(url)

    assert report["tests_run"] > 15
    assert report["timed_out_tests"] == ["tests.project.leaky.smoke.LeakyTest.test_hangs"]
    kept = everything_in(own_redis.client)
    shown = [deployer.get(url, {"format": name}).content.decode() for name in FORMATS]
    assert kept.count("[hidden]") > 15
    assert [text[max(0, at - 80) : at + 20] for text in (kept, *shown) if (at := text.find("hunter2")) >= 0] == []
