"""Runs on real workers."""

import json
import ssl
from contextlib import ExitStack

import pytest
import trustme
from django.test import Client

from tests import waiting
from tests.live.gate import Gate
from tests.live.service import Service
from tests.outages import TLSProxy
from tests.servers import EmbeddedCluster, EmbeddedSentinel, Worker, running


class Deployer(Client):
    """A client that starts runs and polls them, as a pipeline does."""

    def __init__(self):
        super().__init__(headers={"authorization": "Bearer new-token", "accept": "application/json"})

    def start(self, **query):
        """Start a run of its own and return the URL to poll."""
        response = self.post("/smoketest/slow/", query_params={"new": "1", **query})
        assert "Location" in response.headers, response.content
        return response.headers["Location"].removeprefix("http://testserver")

    def final(self, url, **limit):
        """Poll until the run has ended and return its report."""
        waiting.until(lambda: self.get(url).status_code != 202, what=f"{url} ends", **limit)
        return json.loads(self.get(url).content)

    def run(self, **query):
        """Start a run, wait for its end and return its report."""
        return self.final(self.start(**query))

    def outcomes(self, **query):
        """Return short id -> (outcome, cause) of a run."""
        return outcomes_of(self.run(**query))


def outcomes_of(report):
    """Return short id -> (outcome, cause) of a report."""
    return {each["id"].split(".smoke.")[-1]: (each["outcome"], each.get("cause")) for each in report["results"]}


@pytest.fixture
def gate():
    """A gate of the test's own."""
    gate = Gate()
    yield gate
    gate.open()
    gate.close()


@pytest.fixture
def start_gated_worker(own_redis, gate):
    """Start workers on the test's own Redis that see the gate: `start_gated_worker("--concurrency", "1")`."""
    with ExitStack() as stack:

        def start(*options, **environment):
            options = options or ("--concurrency", "2")
            worker = Worker(own_redis.url, *options, SMOKETEST_TEST_GATE=str(gate.path), **environment)
            worker.start()
            stack.callback(worker.stop)
            return worker

        yield start


@pytest.fixture
def deployer():
    """A pipeline with a token."""
    return Deployer()


@pytest.fixture
def queued(project, monkeypatch):
    """Point this process at a Redis, and at a worker's queue: `queued(redis_server, worker, "shop")`."""

    def choose(server, worker, *apps, **settings):
        monkeypatch.setenv("CELERY_BROKER_URL", server.url)
        project(*apps, **{"redis_url": server.url, "queue": worker.queue if worker else "nobody", **settings})

    return choose


@pytest.fixture(scope="module")
def deployed(redis_server, tmp_path_factory):
    """A service with a server and a worker of its own."""
    service = Service(redis_server, tmp_path_factory.mktemp("waits"))
    try:
        service.worker.start()
        service.web.start()
        yield service
    finally:
        service.stop()


@pytest.fixture
def service(deployed):
    """The service as each test finds it."""
    deployed.begin()
    yield deployed
    deployed.end()


@pytest.fixture
def cluster():
    """Three servers in a cluster."""
    with running(EmbeddedCluster()) as cluster:
        yield cluster


@pytest.fixture
def sentinel(own_redis):
    """A sentinel in front of the test's own server."""
    with running(EmbeddedSentinel(own_redis)) as sentinel:
        yield sentinel


@pytest.fixture
def authority():
    """Who vouches for the server."""
    return trustme.CA()


@pytest.fixture
def secure(own_redis, authority):
    """The address, by TLS, of the test's own server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with running(TLSProxy(own_redis.port, context)) as proxy:
        yield f"rediss://localhost:{proxy.port}/0"


@pytest.fixture
def trusted(authority, tmp_path):
    """The query of an address whose server this one vouches for."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return f"?ssl_cert_reqs=required&ssl_ca_certs={tmp_path / 'ca.pem'}"
