"""How many connections to PostgreSQL are open while monitors ask, and afterwards."""

import contextlib
import json
import secrets
import threading
import time
from collections.abc import Iterator

from django.db import connections

from benchmarks import servers
from benchmarks.databases import own_postgresql, postgresql_connections
from benchmarks.load import CLIENTS, send
from benchmarks.rows import Row, Sizes


def measure(sizes: Sizes) -> Iterator[Row]:
    """Measure each kind of server with each CONN_MAX_AGE; they are idle at the same time."""
    if "postgresql" not in connections:
        return
    names = {}
    with contextlib.ExitStack() as stack:
        for kind in ("sync", "gthread"):
            for age in (0, 60):
                setup = f"gunicorn {kind}, CONN_MAX_AGE = {age}"
                database = stack.enter_context(own_postgresql(f"bench_{secrets.token_hex(4)}"))
                names[setup] = database["NAME"]
                settings = json.dumps({"postgresql": {**database, "CONN_MAX_AGE": age}})
                server = stack.enter_context(servers.serve(kind, "database", BENCH_DATABASES=settings))
                yield from _busy(server, database["NAME"], setup, sizes)
        time.sleep(sizes.idle_seconds)
        for setup, name in names.items():
            what = f"connections {sizes.idle_seconds:g} s later, {setup}"
            yield Row(what=what, found=postgresql_connections(name), unit="")


def _busy(server: servers.Server, name: str, setup: str, sizes: Sizes) -> Iterator[Row]:
    before = postgresql_connections(name)
    with _watched(name) as counts:
        load = send(server, "/smoketest/?k=PostgreSQLTest", sizes.database_requests)
    requests = f"{sizes.database_requests} requests of 10 database tests, {CLIENTS} clients"
    yield Row(what=f"requests that failed, of {requests}, {setup}", found=load.failed, unit="")
    yield Row(
        what=f"most connections at once during {requests}, {setup}",
        found=max(counts),
        unit="",
        base=before + 2 * 4,
        against="processes x SMOKETEST_CONCURRENCY",
    )


@contextlib.contextmanager
def _watched(name: str) -> Iterator[list[int]]:
    counts = [0]
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.wait(0.01):
            counts.append(postgresql_connections(name))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield counts
    finally:
        is_over.set()
        watcher.join()
