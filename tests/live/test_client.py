"""The console script, as a pipeline starts it, against a real web server and a real worker."""

import json
import re
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests import waiting
from tests.live.service import TOKEN
from tests.live.test_service import request

pytestmark = [pytest.mark.live, pytest.mark.drill]


@pytest.mark.parametrize(("is_broken", "code", "verdict"), [(False, 0, "PASS\n"), (True, 1, "FAIL\n")])
def test_app_is_killed_and_comes_back(service, is_broken, code, verdict):
    """The verdict gets through when the app is killed and comes back meanwhile, and nothing runs twice."""
    client = service.client()
    waiting.until(service.arrivals, what="the test has begun")

    service.web.kill()
    waiting.until(lambda: "the app does not answer" in service.said(), what="the script has noticed")
    service.web.start()
    _ = is_broken and (service.folder / "broken").touch()
    service.open_gate()
    out, _ = client.communicate(timeout=60)

    assert client.returncode == code, service.said()
    assert out.startswith(verdict)
    assert service.arrivals() == 1
    assert len(service.runs()) == 1


class LosingProxy(ThreadingHTTPServer):
    """Passes requests on to the app, and loses the answer of the first, after having done something."""

    daemon_threads = True

    def __init__(self, app_url, before_losing):
        super().__init__(("127.0.0.1", 0), _Passing)
        self.app_url = app_url
        self.losses = [before_losing]
        self.url = f"http://127.0.0.1:{self.server_port}/smoketest/"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class _Passing(BaseHTTPRequestHandler):
    def _pass_on(self):
        headers = {name: value for name, value in self.headers.items() if name != "Host"}
        url = self.server.app_url + self.path.removeprefix("/smoketest/")
        status, _, text = request(url, self.command, **headers)
        if self.server.losses:
            self.server.losses.pop()(text)
            self.close_connection = True
            return
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = do_DELETE = _pass_on  # noqa: N815 (the names that http.server looks for)

    def log_message(self, *_):
        """Keep silent."""


@pytest.mark.parametrize("query", ["", "?new=1"])
def test_answer_of_the_start_is_lost(service, query):
    """A start whose answer is lost is asked for again and nothing runs twice, even if the run has ended meanwhile."""

    def let_it_end(text):
        service.open_gate()
        url = json.loads(text)["url"]
        request(f"{url}?wait=20", Authorization=f"Bearer {TOKEN}")

    proxy = LosingProxy(service.web.url, let_it_end)
    client = service.client(url=f"{proxy.url}slow/{query}")
    out, _ = client.communicate(timeout=60)
    proxy.shutdown()
    proxy.server_close()

    assert (client.returncode, out[:5]) == (0, "PASS\n"), service.said()
    assert "asking again" in service.said()
    assert service.arrivals() == 1
    assert len(service.runs()) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--release", "r2", "--wait-for-release", "0.5"], 4),
        (["--app", "shop"], 5),
        (["--timeout", "0.5"], 3),
        (["--token-env", "OTHER_TOKEN"], 2),
    ],
)
def test_exit_code(service, words, code):
    """What kept the verdict away is in the exit code, and no token is in what the script says."""
    client = service.client(*words, OTHER_TOKEN="not-the-token")  # noqa: S106 (it is none)

    out, _ = client.communicate(timeout=60)

    assert (client.returncode, out) == (code, "")
    assert service.said()
    assert not re.search(f"{TOKEN}|not-the-token", service.said())


@pytest.mark.parametrize(
    ("words", "number", "status"),
    [
        (["--cancel-on-interrupt"], signal.SIGINT, "CANCELLED"),
        (["--cancel-on-interrupt"], signal.SIGTERM, "CANCELLED"),
        ([], signal.SIGINT, "RUNNING"),
    ],
)
def test_interrupted(service, words, number, status):
    """Ctrl-C ends the script; the run is cancelled if that was asked for, and goes on otherwise."""
    client = service.client(*words)
    waiting.until(service.arrivals, what="the test has begun")

    client.send_signal(number)
    client.communicate(timeout=60)

    assert client.returncode == 130, service.said()
    assert [run["status"] for run in service.runs()] == [status]


def test_waits_for_the_release(service):
    """Nothing is fired at the old release; when the app comes back as the new one, its verdict is what counts."""
    client = service.client("--release", "r2", "--wait-for-release", "60")
    waiting.until(lambda: "this is release r1, not r2" in service.said(), what="the old release was asked")
    service.open_gate()

    service.deploy("r2")
    client.communicate(timeout=60)

    assert client.returncode == 0, service.said()
    assert [run["release"] for run in service.runs()] == ["r2"]
