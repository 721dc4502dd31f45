"""`python -m worker`, which `make run` runs: the whole service on real processes."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests import waiting
from tests.servers import ROOT, descendants, free_port, send_signal

pytestmark = pytest.mark.live


def request(url, method="GET", **headers):
    """Return the status, headers and text of an answer; a status of 0 when nobody answers."""
    asked = urllib.request.Request(url, method=method, headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(asked, timeout=30) as response:  # noqa: S310
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()
    except OSError:
        return 0, {}, ""


@pytest.fixture
def service(tmp_path):
    """The service as a newcomer starts it, with no server but what it brings along."""
    port = free_port()
    environment = {
        "PATH": os.defpath,
        "HOME": str(tmp_path),
        "PORT": str(port),
        "DATABASE_PATH": str(tmp_path / "db.sqlite3"),
        **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE")},
    }
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "worker"], cwd=ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        process.url = f"http://127.0.0.1:{port}/smoketest/"
        process.log = lambda: os.pread(log.fileno(), 1 << 20, 0).decode()
        try:
            waiting.until(lambda: request(process.url)[0] or process.poll() is not None, what="the service answers")
            assert process.poll() is None, process.log()
            yield process
        finally:
            send_signal(signal.SIGKILL, [process.pid, *descendants(process.pid)])
            process.wait()


def test_service(service):
    """It prints what to try; the fast URL passes, a slow run ends in PASS, and Ctrl-C leaves no process behind."""
    authorization = {"Authorization": "Bearer development-token"}

    fast = request(service.url)
    started = request(f"{service.url}slow/", "POST", **authorization)
    final = request(f"{started[1]['Location']}?wait=20", Accept="application/json", **authorization)
    processes = descendants(service.pid)
    service.send_signal(signal.SIGINT)
    exit_code = service.wait(timeout=60)

    assert f"curl {service.url}\n" in service.log()
    assert "development-token" in service.log()
    assert (fast[0], fast[2][:5]) == (200, "PASS\n")
    assert (started[0], started[2][:8]) == (202, "PENDING\n")
    assert (final[0], json.loads(final[2])["status"]) == (200, "PASS"), final[2]
    assert exit_code == 0
    assert len(processes) >= 6
    assert [pid for pid in processes if Path(f"/proc/{pid}").exists()] == []


def test_service__needs_a_secret_key():
    """Without a secret key the settings say which variable to set."""
    done = subprocess.run(
        [sys.executable, "-m", "django", "check"],
        cwd=ROOT,
        env={"PATH": os.defpath, "DJANGO_SETTINGS_MODULE": "worker.settings"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert re.search("DJANGO_SECRET_KEY is not set", done.stderr)


def test_service__port_taken(service):
    """On a port that is taken it says so, and how to choose another."""
    port = service.url.split(":")[2].split("/")[0]

    done = subprocess.run(
        [sys.executable, "-m", "worker"],
        cwd=ROOT,
        env={"PATH": os.defpath, "PORT": port},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert f"PORT {port} can't be used" in done.stderr
