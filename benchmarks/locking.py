"""How long production can't write a row because a test that was given up had locked it."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from statistics import median

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from benchmarks.project.locking import smoke
from benchmarks.rows import Row, Sizes
from benchmarks.servers import wait_until
from smoketest import conf, runs
from smoketest.results import Status
from smoketest.suite.plan import Selection


def measure(sizes: Sizes) -> Iterator[Row]:
    """Measure from the test's limit until the row is written by somebody else."""
    for alias in connections:
        with closing(connections.create_connection(alias)) as production:
            _make_row(production)
            found = median(_seconds(alias, production) for _ in range(sizes.rounds))
        yield Row(
            what=f"until production writes what an abandoned test had locked, {production.display_name}",
            found=found * 1000,
            unit="ms",
            base=100,
            against="the aim",
        )


def _make_row(production: BaseDatabaseWrapper) -> None:
    if production.vendor == "sqlite":
        production.settings_dict["OPTIONS"]["timeout"] = 0  # its own way of waiting is to look every 100 ms
    with production.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_rows (id integer PRIMARY KEY, value integer)")
        cursor.execute("INSERT INTO bench_rows VALUES (1, 0)")


def _seconds(alias: str, production: BaseDatabaseWrapper) -> float:
    smoke.began.clear()
    smoke.locked.clear()
    smoke.ended.clear()
    run = threading.Thread(target=_run, args=[alias])
    run.start()
    smoke.locked.wait(10)
    while not _writes(production):
        time.sleep(0.001)
    written = time.monotonic()
    began = smoke.began[-1]
    smoke.ended.set()
    run.join()
    wait_until(lambda: _run(alias) is Status.PASS, "the test is taken up again")
    return written - began - smoke.LIMIT_SECONDS


def _run(alias: str) -> Status:
    settings = replace(conf.current(), apps=("benchmarks.project.locking",))
    return runs.run_here(Selection(k=(f"test_{alias}",)), settings, script_prefix="/")[0].status


def _writes(production: BaseDatabaseWrapper) -> bool:
    try:
        with production.cursor() as cursor:
            cursor.execute(smoke.LOCK)
    except DatabaseError:
        return False
    return True
