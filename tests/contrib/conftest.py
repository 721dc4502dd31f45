"""A database, a disk and a queue for one test, to be broken."""

import socket

import pytest
from django.db import connections


@pytest.fixture
def database():
    """Add a database to the project for one test: `database(ENGINE=..., NAME=...)` returns its alias."""

    def add(**settings):
        connections.settings["own"] = {**connections.settings["default"], **settings}
        return "own"

    yield add
    if "own" in connections.settings:
        connections["own"].close()
        del connections["own"], connections.settings["own"]


@pytest.fixture
def mute_port():
    """A port of a server that accepts and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
