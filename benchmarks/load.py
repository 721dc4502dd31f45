"""Many requests at once."""

import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

from benchmarks.servers import Server

CLIENTS = 8


@dataclass(frozen=True, kw_only=True)
class Load:
    """What became of some requests."""

    failed: int
    """Those that were not answered 200."""
    seconds: list[float]
    """How long each took, in no order."""


def send(server: Server, path: str, total: int, clients: int = CLIENTS) -> Load:
    """Send `total` requests, `clients` at a time."""

    def ask(_number: int) -> tuple[bool, float]:
        began = time.perf_counter()
        try:
            is_ok = server.ask(path)[0] == HTTPStatus.OK
        except OSError:
            is_ok = False
        return is_ok, time.perf_counter() - began

    with ThreadPoolExecutor(clients) as pool:
        answers = list(pool.map(ask, range(total)))
    return Load(failed=sum(not is_ok for is_ok, _ in answers), seconds=[seconds for _, seconds in answers])


def requests_per_second(server: Server, path: str, seconds: float) -> float:
    """Return the throughput; by wrk where it is there, since a client in Python takes as long as the server."""
    if shutil.which("wrk") and seconds >= 1:
        return _by_wrk(server, path, seconds)
    began, total = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        send(server, path, CLIENTS)
        total += CLIENTS
    return total / (time.perf_counter() - began)


def client() -> str:
    """Return what makes the load."""
    return "load by wrk" if shutil.which("wrk") else "load by a client in Python"


def _by_wrk(server: Server, path: str, seconds: float) -> float:
    headers = ["-H", "Connection: close", "-H", "Authorization: Bearer bench"]  # a sync worker closes, so all do
    url = f"http://127.0.0.1:{server.port}{path}"
    command = ["wrk", "-t1", f"-c{CLIENTS}", f"-d{round(seconds)}s", *headers, url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said:
        message = f"{path} did not answer 200 each time: {said}"
        raise RuntimeError(message)
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    return float(found[1]) if found else 0.0
