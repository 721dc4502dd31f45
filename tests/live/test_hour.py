"""An hour of a monitor's traffic in miniature, with all that goes wrong in it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from tests import waiting
from tests.live.held import held, threads
from tests.live.monitors import Monitors
from tests.live.test_service import request
from tests.live.troubles import dead_mount, restarted, several, stopped, switched
from tests.outages import OwnPostgreSQL, Proxy, postgresql_program
from tests.servers import ROOT, descendants, free_port, send_signal

pytestmark = [pytest.mark.live, pytest.mark.drill, pytest.mark.needs("mariadb")]

_TESTS = 8
_WORKERS = 2
_THREADS = {"sync": 1, "gthread": 4}
_BOUND_SECONDS = 30
"""The budget is 4 s, a request may stand in line behind others, and the machine may be busy."""
_ON_POSTGRESQL = ("PostgreSQLTest.test_query", "PostgreSQLTest.test_write")
_ON_MARIADB = ("MariaDBTest.test_query", "MariaDBTest.test_write")
_MOUNT = "MountTest.test_reads"
_TOTAL = "OrdersTest.test_total"
_FAILED, _RAISED, _TIMED_OUT = ("failed",), ("exception",), ("timeout",)


@pytest.fixture(scope="module")
def postgresql():
    """A PostgreSQL to be stopped and frozen, with the table of the tests."""
    if not postgresql_program("initdb"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("there is no initdb of PostgreSQL")
    server = OwnPostgreSQL()
    server.create()
    server.execute("CREATE TABLE shop_foomodel (id bigserial PRIMARY KEY, name varchar(100) UNIQUE)")
    yield server
    server.destroy()


@pytest.fixture
def mariadb():
    """A proxy to be stopped and frozen before the MariaDB that all tests share."""
    settings = connections["mariadb"].settings_dict
    proxy = Proxy(settings["HOST"], settings["PORT"])
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.fixture(params=_THREADS)
def server(request, postgresql, mariadb, tmp_path):
    """A gunicorn with two workers, forked after the project was loaded; its tests obey the files in `folder`."""
    own = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "tests", "PORT": postgresql.port}
    shared = {name: connections["mariadb"].settings_dict[name] for name in ("ENGINE", "NAME", "USER", "PASSWORD")}
    databases = {"postgresql": own, "mariadb": {**shared, "PORT": mariadb.port}}
    port = free_port()
    command = ["-m", "gunicorn", "tests.project.traffic.wsgi", "--preload", "--no-control-socket"]
    command += ["--workers", str(_WORKERS), "--worker-class", request.param, "--threads", str(_THREADS[request.param])]
    mount = tmp_path / "mount"
    mount.touch()
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--bind", f"127.0.0.1:{port}"],
            cwd=ROOT,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "tests.project.traffic.settings",
                "SMOKETEST_TEST_DATABASES": json.dumps(
                    {alias: {**each, "HOST": "127.0.0.1"} for alias, each in databases.items()}
                ),
                "SMOKETEST_TEST_MOUNT": str(mount),
                "SMOKETEST_TEST_SWITCHES": str(tmp_path),
            },
            stdout=log,
            stderr=log,
        )
    process.port, process.folder, process.threads = port, tmp_path, _THREADS[request.param]
    yield process
    send_signal(signal.SIGKILL, [*descendants(process.pid), process.pid])
    process.wait()


def wait_for_workers(server):
    """Return the ids of the worker processes once each has all the threads that it serves requests with."""
    url = f"http://127.0.0.1:{server.port}/long/"
    complete = [server.threads + 1 if server.threads > 1 else 1] * _WORKERS

    def are_complete():
        with ThreadPoolExecutor(16) as clients:
            list(clients.map(request, [url] * 16))
        return [threads(pid) for pid in descendants(server.pid)] == complete

    waiting.until(are_complete, what="the workers are complete")
    return descendants(server.pid)


def an_hour(folder, postgresql, mariadb):
    """Return name -> (trouble, which tests do not pass while it lasts and for which causes)."""
    return {
        "a failing test": (switched(folder, "fails"), {_TOTAL: _FAILED}),
        "a dead mount": (dead_mount(folder), {_MOUNT: _TIMED_OUT}),
        "slow queries": (switched(folder, "slow"), dict.fromkeys((_ON_POSTGRESQL[0], _ON_MARIADB[0]), _TIMED_OUT)),
        "PostgreSQL restarts": (restarted(postgresql), {}),
        "PostgreSQL is down": (stopped(postgresql), dict.fromkeys(_ON_POSTGRESQL, _RAISED)),
        "MariaDB is down": (stopped(mariadb), dict.fromkeys(_ON_MARIADB, _RAISED)),
        "PostgreSQL stands still": (postgresql.frozen(), dict.fromkeys(_ON_POSTGRESQL, _TIMED_OUT)),
        "MariaDB stands still": (mariadb.frozen(), dict.fromkeys(_ON_MARIADB, _TIMED_OUT)),
        "all at once": (
            several(switched(folder, "fails"), dead_mount(folder), stopped(postgresql), mariadb.frozen()),
            {
                _TOTAL: _FAILED,
                _MOUNT: _TIMED_OUT,
                **dict.fromkeys(_ON_POSTGRESQL, _RAISED),
                **dict.fromkeys(_ON_MARIADB, _TIMED_OUT),
            },
        ),
    }


def live_through(hour, monitors, workers):
    """Let each trouble come and go; return name -> the answers while it lasted, and those that were untrue."""
    seen, untrue = {}, []
    for name, (trouble, expected) in hour.items():
        with trouble:
            seen[name] = monitors.agree(expected, workers=workers)
        after = monitors.agree({}, workers=workers)
        untrue += [(name, answer.told()) for answer in seen[name] if not answer.is_as(expected)]
        untrue += [(f"after: {name}", answer.told()) for answer in after if answer.bad]
    return seen, untrue


def rest(workers, postgresql, *, as_before):
    """Return what is held once it is as before, or when it still is not after a while."""
    with contextlib.suppress(AssertionError):
        waiting.until(lambda: held(workers, postgresql) == as_before, what="all is given back")
    return held(workers, postgresql)


def test_hour(server, postgresql, mariadb):
    """Each answer comes in bounded time and tells the truth, and at the end nothing is held that was not before."""
    workers = wait_for_workers(server)
    before = held(workers, postgresql)

    with Monitors(server.port, count=3) as monitors:
        hour = an_hour(server.folder, postgresql, mariadb)
        seen, untrue = live_through(hour, monitors, workers)
    after = rest(workers, postgresql, as_before=before)

    answers = monitors.answers
    assert untrue == []
    assert monitors.faults == []
    assert {(each.status, each.verdict, bool(each.bad)) for each in answers} == {
        (200, "PASS", False),
        (500, "FAIL", True),
    }
    assert {each.results for each in answers} == {_TESTS}
    assert max(each.ended - each.began for each in answers) < _BOUND_SECONDS
    assert any(each.messages[_MOUNT].startswith("timed out after 0.5 s") for each in answers)
    assert all(each.messages[_MOUNT].startswith("still hanging since") for each in seen["a dead mount"])
    assert set(monitors.pages) == {(200, "pong")}
    assert after == before
    assert descendants(server.pid) == workers
