"""The callers of the endpoints, and the guard of a test's own thread."""

import json

import pytest
from django.db import connections
from django.test import Client

from smoketest.clock import in_seconds
from smoketest.execution.guards.own_connections import OwnConnections
from tests import waiting
from tests.app.guarding import ALIASES
from tests.project.hanging import smoke as hanging_smoke


class Caller(Client):
    """A client that returns what an endpoint answered in JSON."""

    def report(self, url="/smoketest/", **query):
        """Return the report at `url` as plain values."""
        return json.loads(self.get(url, query, headers={"accept": "application/json"}).content)

    def outcomes(self, **query):
        """Return short id -> (outcome, cause) of a fast run."""
        results = self.report(**query)["results"]
        return {each["id"].split(".smoke.")[-1]: (each["outcome"], each.get("cause")) for each in results}


@pytest.fixture
def stranger():
    """Somebody from the internet."""
    return Caller()


@pytest.fixture
def operator():
    """Somebody with a token."""
    return Caller(headers={"authorization": "Bearer new-token"})


@pytest.fixture
def guard():
    """The guard of this thread."""
    guard = OwnConnections()
    yield guard
    guard.close()


@pytest.fixture
def level(guard):
    """A level of the guard with plenty of time."""
    return lambda: guard.level("__all__", in_seconds(20))


@pytest.fixture
def production():
    """Run SQL on a connection as production has it, beside the guard: `production("default", "SELECT 1")`."""
    opened = {}

    def run(alias, sql):
        if alias not in opened:
            opened[alias] = connections.create_connection(alias)
        with opened[alias].cursor() as cursor:
            cursor.execute(sql)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    yield run
    for connection in opened.values():
        connection.close()


@pytest.fixture(params=ALIASES)
def alias(request, production):
    """Each database; its table is empty afterwards."""
    yield request.param
    production(request.param, "DELETE FROM shop_foomodel")


@pytest.fixture
def hanging():
    """The event that the hanging test waits for; it ends with the test that uses it."""
    hanging_smoke.event.clear()
    yield hanging_smoke.event
    hanging_smoke.event.set()
    waiting.until(lambda: not hanging_smoke.hanging, what="the hanging test ends")
