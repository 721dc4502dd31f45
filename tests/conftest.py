"""Real parts for the tests: databases, an embedded Redis, a prefork worker."""

import json
import os
import shutil
import tempfile
from contextlib import ExitStack

import django
import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings

from tests.servers import EmbeddedRedis, OwnDatabases, Worker

_databases = OwnDatabases()
_databases.create()
os.environ["SMOKETEST_TEST_DIR"] = tempfile.mkdtemp(prefix="smoketest-")
os.chmod(os.environ["SMOKETEST_TEST_DIR"], 0o711)  # noqa: PTH101, S103 (a database that may not run as root has its own in it)
# So that the last verdicts of these tests' processes are shared among them alone.
os.environ["TMPDIR"] = tempfile.tempdir = os.environ["SMOKETEST_TEST_DIR"]
os.environ["SMOKETEST_TEST_DATABASES"] = json.dumps(_databases.settings)
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.project.settings"
django.setup()  # here, not in a hook: the conftest files below this one import models


def pytest_configure():
    """Make the tables."""
    for alias in connections:
        call_command("migrate", database=alias, run_syncdb=True, verbosity=0, interactive=False)
    connections.close_all()


def pytest_unconfigure():
    """Leave nothing behind."""
    connections.close_all()
    _databases.drop()
    shutil.rmtree(os.environ["SMOKETEST_TEST_DIR"], ignore_errors=True)


def pytest_collection_modifyitems(items):
    """Skip what needs a server that is not there; where CI is set, that is an error."""
    for item in items:
        for marker in item.iter_markers("needs"):
            missing = _databases.missing.get(marker.args[0])
            if missing and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason=missing))
            elif missing:
                pytest.exit(f"{missing}; in CI it must be there", returncode=1)


@pytest.fixture(scope="session")
def redis_server():
    """A Redis of the tests' own."""
    server = EmbeddedRedis()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def own_redis(request):
    """A Redis for one test, to be killed or frozen; its parameter, if it has one, are options of the server."""
    server = EmbeddedRedis(*getattr(request, "param", ()))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def worker(redis_server):
    """A prefork worker with two processes."""
    worker = Worker(redis_server.url)
    worker.start()
    yield worker
    worker.stop()


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
