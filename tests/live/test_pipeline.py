"""The pipeline script of the docs, deploying a real service."""

import contextlib
import os
import re
import signal
import subprocess

import pytest

from tests import waiting
from tests.live.service import SCRIPT, TOKEN
from tests.servers import ROOT

pytestmark = [pytest.mark.live, pytest.mark.drill]

_DEPLOY = """#!/bin/sh
echo "$1" > wanted
until [ "$(cat current)" = "$1" ]; do sleep 0.05; done
"""


class Pipeline:
    """A folder with the docs' script, and what it calls."""

    def __init__(self, folder, app_url, *options):
        script = re.search(
            r"```sh\n(#!/bin/sh\n# deploy\.sh .*?)```", (ROOT / "docs/recipes.md").read_text(), re.DOTALL
        )
        (folder / "deploy.sh").write_text(script[1].replace("--timeout", " ".join((*options, "--timeout")), 1))
        (folder / "deploy").write_text(_DEPLOY)
        (folder / "current-release").write_text("#!/bin/sh\ncat current\n")
        (folder / "current").write_text("r1\n")
        for name in ("deploy", "current-release"):
            (folder / name).chmod(0o755)
        self.folder = folder
        self._started = []
        self._environment = {
            **os.environ,
            "PATH": f"{SCRIPT.parent}{os.pathsep}{os.environ['PATH']}",
            "APP_URL": app_url.removesuffix("/smoketest/"),
            "SMOKETEST_TOKEN": TOKEN,
        }

    def start(self, release):
        """Start to deploy a release."""
        process = subprocess.Popen(
            ["/bin/sh", "deploy.sh", release],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def wants(self, release):
        """Wait until the script has asked for a release."""
        wanted = self.folder / "wanted"
        waiting.until(lambda: wanted.exists() and wanted.read_text() == f"{release}\n", what=f"{release} is wanted")

    def has(self, release):
        """Let the script see that the release is there."""
        (self.folder / "current").write_text(f"{release}\n")

    def end(self):
        """Kill the scripts that have not ended, with what they wait for."""
        for process in self._started:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


@pytest.fixture
def lenient(service, tmp_path):
    """The same pipeline with --only-new; the release r1 has failed, and stayed."""
    (service.folder / "broken").touch()
    service.open_gate()
    client = service.client(everything=True)
    client.communicate(timeout=60)
    waiting.until(lambda: "r1" in service.compared_releases(), what="the run of r1 is remembered")
    pipeline = Pipeline(tmp_path, service.web.url, "--only-new")
    yield pipeline
    pipeline.end()
    service.deploy("r1")


@pytest.fixture
def pipeline(service, tmp_path):
    """The pipeline of the service, which is of release r1; so it is again in the end."""
    pipeline = Pipeline(tmp_path, service.web.url)
    yield pipeline
    pipeline.end()
    service.deploy("r1")


def test_good_release(pipeline, service):
    """A release whose smoke tests pass stays."""
    process = pipeline.start("r2")
    pipeline.wants("r2")
    service.deploy("r2")
    pipeline.has("r2")
    service.open_gate()

    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert out.startswith("PASS\n")
    assert (pipeline.folder / "wanted").read_text() == "r2\n"


def test_bad_release(pipeline, service):
    """A release whose smoke tests fail is taken back, and the pipeline fails."""
    process = pipeline.start("r3")
    pipeline.wants("r3")
    service.deploy("r3")
    (service.folder / "broken").touch()
    pipeline.has("r3")
    service.open_gate()
    pipeline.wants("r1")
    pipeline.has("r1")

    out, err = process.communicate(timeout=60)

    assert process.returncode == 1, err
    assert out.startswith("FAIL\n")
    assert "smoketest ended with 1: r3 is taken back" in err


def deploy(pipeline, service, release, *, goes_back):
    """Let the script deploy a release, and come back if it does."""
    process = pipeline.start(release)
    pipeline.wants(release)
    service.deploy(release)
    pipeline.has(release)
    _ = goes_back and (pipeline.wants("r1"), pipeline.has("r1"))
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_only_new__old_failure(lenient, service):
    """With --only-new a release stays whose only failure is old; the report names it all the same."""
    code, out, err = deploy(lenient, service, "r4", goes_back=False)

    assert code == 0, err
    assert out.startswith("FAIL\n")
    assert "tests still failing: 1\n" in out
    assert "compared with r1: 0 newly failing, 1 still failing" in err


def test_only_new__new_failure(lenient, service):
    """With --only-new a release is taken back in which something fails newly, and so is the next with the same."""
    (service.folder / "last-broken").touch()

    first_code, _, first_err = deploy(lenient, service, "r5", goes_back=True)
    next_code, next_out, next_err = deploy(lenient, service, "r6", goes_back=True)

    assert (first_code, next_code) == (1, 1), first_err + next_err
    assert "compared with r1: 1 newly failing, 1 still failing" in first_err
    assert "compared with r1: 1 newly failing, 1 still failing" in next_err
    assert "newly failing:\n    tests.project.waits.smoke.LastTest.test_is_last\n" in next_out
