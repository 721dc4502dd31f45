"""The monitor's URL in the servers that people use, while a test hangs for good."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from tests import waiting
from tests.live.test_service import request
from tests.servers import ROOT, descendants, free_port, send_signal

pytestmark = pytest.mark.live

_GUNICORN = ["-m", "gunicorn", "tests.project.wsgi", "--workers", "1", "--no-control-socket"]
_GUNICORN += ["--graceful-timeout", "600"]  # whoever is held up shows
_SERVERS = {
    "sync": [*_GUNICORN, "--worker-class", "sync"],
    "gthread": [*_GUNICORN, "--worker-class", "gthread", "--threads", "4"],
    "preload": [*_GUNICORN, "--worker-class", "gthread", "--threads", "4", "--preload"],
    "gevent": [*_GUNICORN, "--worker-class", "gevent"],
    "uvicorn": ["-m", "uvicorn", "tests.project.asgi:application", "--lifespan", "off"],
}


@pytest.fixture
def mount(tmp_path):
    """A path whose reading hangs until it is released."""
    path = tmp_path / "mount"
    os.mkfifo(path)

    def release():
        """Let who reads have the end of the file, and whoever comes later an ordinary empty file."""
        with contextlib.suppress(OSError):
            writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            path.unlink()
            path.touch()
            os.close(writer)

    yield path, release
    release()


@pytest.fixture(params=["mount"])
def app(request):
    """The app whose smoke test reads the mount."""
    return request.param


@pytest.fixture(params=_SERVERS)
def server(request, mount, app, tmp_path):
    """A server with one worker process."""
    port = free_port()
    bind = ["--port", str(port)] if request.param == "uvicorn" else ["--bind", f"127.0.0.1:{port}"]
    with (tmp_path / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, *_SERVERS[request.param], *bind],
            cwd=ROOT,
            env={**os.environ, "SMOKETEST_TEST_APPS": app, "SMOKETEST_TEST_MOUNT": str(mount[0])},
            stdout=log,
            stderr=log,
        )
    process.url = f"http://127.0.0.1:{port}/"
    waiting.until(lambda: ask(process, "ping/")[0] == 200 or process.poll(), what="the server answers")
    yield process
    send_signal(signal.SIGKILL, [process.pid, *descendants(process.pid)])
    process.wait()


def ask(server, path):
    return request(f"{server.url}{path}", Authorization="Bearer new-token", Accept="application/json")


def report(server):
    return json.loads(ask(server, "smoketest/")[2])


def threads(server):
    """Return how many threads the server's worker process has."""
    pid = (descendants(server.pid) or [server.pid])[-1]
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def test_hang_and_recovery(server, mount):
    """A hung test costs one time limit once and a thread, other pages are served, and it recovers by itself."""
    first = report(server)
    later = [report(server) for _ in range(5)]
    before = threads(server)
    later += [report(server) for _ in range(30)]
    after = threads(server)
    ping = ask(server, "ping/")
    mount[1]()
    mended = waiting.until(lambda: report(server)["status"] == "PASS", what="the test is taken up again")

    assert first["timed_out_tests"] == ["tests.project.mount.smoke.MountTest.test_reads"]
    assert "read_text" in first["results"][1]["traceback"]
    assert {each["tests_passed"] for each in later} == {1}
    assert all(each["results"][1]["message"].startswith("still hanging since") for each in later)
    assert median(each["time"] for each in later) < 500
    assert after < before + 10  # a thread for each of the 30 would be many more; servers have some of their own
    assert ping[0] == 200
    assert mended


@pytest.mark.parametrize("app", ["mount", "blocking"], indirect=True)
def test_shutdown(server):
    """A hung test, an async one that blocks too, does not hold up the server's end."""
    report(server)

    server.terminate()

    waiting.until(lambda: server.poll() is not None, what="the server ends")
