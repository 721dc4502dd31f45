"""How long a monitor and the visitors of other pages wait while a test hangs."""

import contextlib
import threading
import time
from collections.abc import Iterator

from benchmarks import servers
from benchmarks.rows import Row, Sizes


def measure(sizes: Sizes) -> Iterator[Row]:
    """Measure a test that hangs for 30 s with a limit of 1 s."""
    for kind in ("sync", "gthread", "uvicorn"):
        with servers.serve(kind, "hanging", BENCH_HANG_SECONDS="30") as server, _visited(server) as pages:
            # Each worker process meets the hang once; who gets a request is chance.
            first = [_seconds(server, "/smoketest/") for _ in range(10)]
            later = [_seconds(server, "/smoketest/") for _ in range(10 + sizes.polls // 10)]
        hang = f"a test of 30 s with a limit of 1 s, {kind}"
        yield Row(
            what=f"slowest of the first 10 answers, {hang}",
            found=max(first) * 1000,
            unit="ms",
            base=1000,
            against="the limit",
        )
        yield Row(what=f"slowest of {len(later)} later answers, {hang}", found=max(later) * 1000, unit="ms")
        yield Row(what=f"slowest of {len(pages)} other pages meanwhile, {hang}", found=max(pages) * 1000, unit="ms")


@contextlib.contextmanager
def _visited(server: servers.Server) -> Iterator[list[float]]:
    """Let somebody ask for another page all the time; give how long each took."""
    seconds: list[float] = []
    is_over = threading.Event()

    def visit() -> None:
        while not is_over.wait(0.02):
            seconds.append(_seconds(server, "/bare/"))

    visitor = threading.Thread(target=visit)
    visitor.start()
    try:
        yield seconds
    finally:
        is_over.set()
        visitor.join()


def _seconds(server: servers.Server, path: str) -> float:
    began = time.perf_counter()
    server.ask(path)
    return time.perf_counter() - began
