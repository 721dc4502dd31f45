"""Real parts for the tests: databases, an embedded Redis, a prefork worker."""

import json
import os
import shutil
import socket
import tempfile
from contextlib import ExitStack

import django
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from xdist import is_xdist_controller

from tests.servers import EmbeddedRedis, OwnDatabases, Worker, running

_databases = OwnDatabases()
_databases.find()
os.environ["SMOKETEST_TEST_DIR"] = tempfile.mkdtemp(prefix="smoketest-")
os.chmod(os.environ["SMOKETEST_TEST_DIR"], 0o711)  # noqa: PTH101, S103 (a database that may not run as root has its own in it)
# So that the last verdicts of these tests' processes are shared among them alone.
os.environ["TMPDIR"] = tempfile.tempdir = os.environ["SMOKETEST_TEST_DIR"]
os.environ["SMOKETEST_TEST_DATABASES"] = json.dumps(_databases.settings)
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.project.settings"
django.setup()  # here, not in a hook: the conftest files below this one import models


def pytest_sessionstart(session):
    """Make the databases and their tables in each process that runs tests, so not in the one that hands them out."""
    if is_xdist_controller(session):
        return
    _databases.create()
    for alias in connections:
        call_command("migrate", database=alias, run_syncdb=True, verbosity=0, interactive=False)
    connections.close_all()


@pytest.hookimpl(trylast=True)  # after the fixtures' ends
def pytest_sessionfinish():
    """Leave no database behind."""
    connections.close_all()
    _databases.drop()


def pytest_unconfigure():
    """Leave no file behind."""
    shutil.rmtree(os.environ["SMOKETEST_TEST_DIR"], ignore_errors=True)


def pytest_collection_modifyitems(items):
    """Begin with what takes long, so that the files that are run side by side end together."""
    items.sort(key=lambda item: item.get_closest_marker("live") is None)


def pytest_runtest_setup(item):
    """Skip what needs a server that is not there; where CI is set, that is an error."""
    for marker in item.iter_markers("needs"):
        missing = _databases.missing.get(marker.args[0])
        if missing and os.environ.get("CI"):
            pytest.fail(f"{missing}; in CI it must be there")
        elif missing:
            pytest.skip(missing)


@pytest.fixture(scope="session")
def redis_server():
    """A Redis of the tests' own."""
    with running(EmbeddedRedis()) as server:
        yield server


@pytest.fixture
def own_redis(request):
    """A Redis for one test, to be killed or frozen; its parameter, if it has one, are options of the server."""
    with running(EmbeddedRedis(*getattr(request, "param", ()))) as server:
        yield server


@pytest.fixture(scope="session")
def worker(redis_server):
    """A prefork worker with two processes."""
    with running(Worker(redis_server.url)) as worker:
        yield worker


@pytest.fixture
def looked_up(monkeypatch):
    """The hosts that the resolver is asked for."""
    hosts = []
    resolve = socket.getaddrinfo

    def look_up(host, *args, **kwargs):
        hosts.append(host)
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return hosts


@pytest.fixture(autouse=True)
def _put_settings_back():
    """Fail a test that leaves settings overridden: those after it would run with them."""
    yield
    assert settings.SETTINGS_MODULE


@pytest.fixture(autouse=True)
def _close_connections():
    """Close the databases of the test's own thread, so that none goes on to the next."""
    yield
    connections.close_all()


@pytest.fixture
def project():
    """Choose the apps whose smoke tests are found, and other settings: `project("shop", timeout=1)`."""
    with ExitStack() as stack:

        def choose(*apps, **settings):
            named = {f"SMOKETEST_{name.upper()}": value for name, value in settings.items()}
            stack.enter_context(override_settings(SMOKETEST_APPS=list(apps), **named))

        yield choose


@pytest.fixture
def row():
    """A row that is there for good while the test lasts: the example's test wants to read one."""
    rows = apps.get_model("shop", "FooModel").objects
    rows.create(name="in production")
    yield
    rows.all().delete()
