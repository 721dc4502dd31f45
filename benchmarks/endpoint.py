"""What the whole endpoint serves, against a view that does nothing."""

from collections.abc import Iterator
from statistics import median

from benchmarks import servers
from benchmarks.load import CLIENTS, requests_per_second
from benchmarks.rows import Row, Sizes


def measure(sizes: Sizes) -> Iterator[Row]:
    """Measure requests a second, one after the other in each round."""
    for kind in ("sync", "gthread"):
        with servers.serve(kind, "empty") as server:
            for path in ("/bare/", "/smoketest/"):
                requests_per_second(server, path, min(1, sizes.load_seconds))
            rounds = [
                tuple(requests_per_second(server, path, sizes.load_seconds) for path in ("/smoketest/", "/bare/"))
                for _ in range(min(3, sizes.rounds))
            ]
        yield Row(
            what=f"10 empty tests over HTTP, {CLIENTS} clients, gunicorn {kind}",
            found=median(ours for ours, _ in rounds),
            unit="requests/s",
            base=median(bare for _, bare in rounds),
            against="a bare view",
        )
