"""The system check of the Redis that keeps the runs."""

import pytest
from django.core.checks import run_checks

from tests.servers import EmbeddedCluster


def ids():
    """Return the ids of what `check --deploy --tag smoketest` says."""
    return [message.id for message in run_checks(tags=["smoketest"], include_deployment_checks=True)]


def test_keeps_all(own_redis, project):
    """A server that evicts nothing is right."""
    project("shop", redis_url=own_redis.url)

    assert ids() == []


def test_evicts(own_redis, project):
    """A server that may drop keys is warned of."""
    project("shop", redis_url=own_redis.url)
    own_redis.client.config_set("maxmemory-policy", "allkeys-lru")

    assert ids() == ["smoketest.W005"]


def test_no_answer(project):
    """A server that does not answer is warned of, once."""
    project("shop", redis_url="redis://127.0.0.1:1/0")

    assert ids() == ["smoketest.W006"]


def test_not_at_each_start(project):
    """Without `--deploy` no server is asked."""
    project("shop", redis_url="redis://127.0.0.1:1/0")

    assert run_checks(tags=["smoketest"]) == []


@pytest.mark.live
def test_cluster(project):
    """A cluster is asked as well."""
    cluster = EmbeddedCluster()
    cluster.start()
    project("shop", redis_url=cluster.url)

    told = ids()

    cluster.stop()
    assert told == []
