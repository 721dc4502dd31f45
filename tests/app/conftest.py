"""The callers of the endpoints."""

import json

import pytest
from django.test import Client


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
