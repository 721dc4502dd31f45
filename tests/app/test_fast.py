"""The monitor's URL."""

import json

import pytest
from django.test import Client

from tests.project.shop.models import FooModel


@pytest.fixture
def client():
    return Client(headers={"authorization": "Bearer new-token"})


def get_json(client, query=""):
    response = client.get(f"/smoketest/{query}", headers={"accept": "application/json"})
    return response, json.loads(response.content)


def test_passes(project, client):
    """All passed: 200 and PASS first."""
    project("nested", test=None)
    project("slow_only", "empty", "outcomes")

    response = client.get("/smoketest/")

    print(response.content.decode())
    print(response.status_code)
    FooModel
