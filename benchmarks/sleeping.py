"""How long tests that wait take together."""

import time
from collections.abc import Iterator
from statistics import median

from benchmarks import servers
from benchmarks.project.sleeping.smoke import SECONDS
from benchmarks.rows import Row, Sizes


def measure(sizes: Sizes) -> Iterator[Row]:
    """Measure runs of 10 and 50 tests of 50 ms, over HTTP."""
    for concurrency in (4, 10):
        with servers.serve("sync", "sleeping", BENCH_CONCURRENCY=str(concurrency)) as server:
            for name, count in {"TenTest": 10, "FiftyTest": 50}.items():
                found = median(_seconds(server, name) for _ in range(sizes.rounds))
                yield Row(
                    what=f"{count} tests of 50 ms, SMOKETEST_CONCURRENCY = {concurrency}",
                    found=found * 1000,
                    unit="ms",
                    base=count * SECONDS * 1000,
                    against="one after another",
                )


def _seconds(server: servers.Server, name: str) -> float:
    began = time.perf_counter()
    server.ask(f"/smoketest/?k={name}")
    return time.perf_counter() - began
