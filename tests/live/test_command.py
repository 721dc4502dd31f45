"""`manage.py smoketest --queue`, on a real worker."""

import json
import os
import signal
import subprocess
import sys

import pytest

from smoketest.record.baselines import open_baselines
from smoketest.report.comparison import Baseline
from tests import waiting
from tests.servers import ROOT, Worker

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the tests of the app `waits` look for files."""
    return tmp_path_factory.mktemp("waits")


@pytest.fixture(scope="module")
def environment(folder, redis_server):
    """The environment of a project with a worker of its own."""
    shared = {
        "SMOKETEST_TEST_APPS": "waits,together,outcomes",
        "SMOKETEST_TEST_WAITS": str(folder),
    }
    worker = Worker(redis_server.url, **shared)
    worker.start()
    yield {
        **os.environ,
        **shared,
        "SMOKETEST_TEST_REDIS_URL": redis_server.url,
        "SMOKETEST_TEST_QUEUE": worker.queue,
    }
    worker.stop()


@pytest.fixture
def start(environment, folder):
    """Start the command; the gate is closed in the beginning and open in the end."""
    started = []
    for name in ("gate", "arrivals"):
        (folder / name).unlink(missing_ok=True)

    def begin(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "django", "smoketest", "--queue", "--format", "json", *words],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    (folder / "gate").touch()
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(("app", "code", "verdict"), [("together", 0, "PASS"), ("outcomes", 1, "FAIL")])
def test_verdict(start, app, code, verdict):
    """The run is fired, watched to its end and reported; the exit code is its verdict."""
    process = start("--app", app)

    out, err = process.communicate(timeout=60)

    report = json.loads(out)
    assert (process.returncode, report["status"]) == (code, verdict), err
    assert report["tests_total"] == len(report["results"])
    assert f"run {report['run_id']}" in err
    assert f"{report['tests_total']} of {report['tests_total']} tests" in err


@pytest.fixture
def nothing_known(redis_server):
    """No other release is known."""
    redis_server.client.delete("none", *redis_server.client.keys("smoketest:baselines:*"))


@pytest.mark.usefixtures("nothing_known")
def test_only_new__nothing_is_known(start):
    """With --only-new every failure is new where no other release is known."""
    process = start("--app", "outcomes", "--only-new")

    out, err = process.communicate(timeout=60)

    assert (process.returncode, json.loads(out)["status"]) == (1, "FAIL"), err
    assert "every failure counts as new" in err


@pytest.mark.usefixtures("nothing_known")
def test_only_new__old_failures(start, redis_server):
    """With --only-new a run is let pass whose failures the release before had too; the report is FAIL still."""
    out, _ = start("--app", "outcomes").communicate(timeout=60)
    bad = tuple(json.loads(out)["newly_failing_tests"])
    before = Baseline(run_id="run-0", release="r0", tests=bad, bad=bad)
    redis_server.client.delete("none", *redis_server.client.keys("smoketest:baselines:*"))
    open_baselines(redis_server.url).remember("app=outcomes", before, created_ms=1)

    process = start("--app", "outcomes", "--only-new")
    out, err = process.communicate(timeout=60)

    assert (process.returncode, json.loads(out)["status"]) == (0, "FAIL"), err
    assert "compared with r0: 0 newly failing" in err


def test_hosts(start):
    """With --hosts all each test is run on each live host."""
    process = start("--app", "together", "--hosts", "all")

    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert all("@" in each["id"] for each in json.loads(out)["results"])


def test_gave_up_waiting(start):
    """A run that takes too long is reported as it stands, and goes on."""
    process = start("-k", "GateTest", "--timeout", "0.5")

    out, err = process.communicate(timeout=60)

    assert process.returncode == 3, err
    assert json.loads(out)["status"] in ("PENDING", "RUNNING")


def test_interrupted(start, folder):
    """Ctrl-C cancels the run, and the report says what was not run."""
    process = start("tests.project.waits.smoke.GateTest")
    waiting.until((folder / "arrivals").exists, what="the test has begun")

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    report = json.loads(out)
    assert (process.returncode, report["status"]) == (130, "CANCELLED"), err
    assert [each["cause"] for each in report["results"]] == ["not_run"]
