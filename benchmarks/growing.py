"""What a server gathers in the long run: memory, threads, files."""

import re
from collections.abc import Iterator
from pathlib import Path

from benchmarks import servers
from benchmarks.load import send
from benchmarks.rows import Row, Sizes


def measure(sizes: Sizes) -> Iterator[Row]:
    """Measure tests that pass, then one that hangs for good."""
    early = sizes.requests // 10
    with servers.serve("gthread", "empty") as server:
        send(server, "/smoketest/", early)
        before = _memory(server)
        send(server, "/smoketest/", sizes.requests - early)
        yield Row(
            what=f"memory of both workers after {sizes.requests:,} requests of 10 empty tests",
            found=_memory(server),
            unit="MiB",
            base=before,
            against=f"after {early:,}",
        )
    early = sizes.hanging_requests // 10
    with servers.serve("gthread", "hanging", BENCH_HANG_SECONDS="3600") as server:
        send(server, "/smoketest/", early)
        looks = {"threads": _threads, "open files": _files, "memory": _memory}
        before_each = {name: look(server) for name, look in looks.items()}
        send(server, "/smoketest/", sizes.hanging_requests - early)
        for name, look in looks.items():
            yield Row(
                what=f"{name} of both workers after {sizes.hanging_requests:,} requests with a test that hangs",
                found=look(server),
                unit="MiB" if look is _memory else "",
                base=before_each[name],
                against=f"after {early:,}",
            )


def _memory(server: servers.Server) -> float:
    texts = [Path(f"/proc/{pid}/status").read_text() for pid in server.worker_pids()]
    return sum(int(found[1]) for text in texts if (found := re.search(r"VmRSS:\s+(\d+)", text))) / 1024


def _threads(server: servers.Server) -> float:
    return sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in server.worker_pids())


def _files(server: servers.Server) -> float:
    return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in server.worker_pids())
