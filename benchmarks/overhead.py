"""What a test costs, with its guard and its limit, against the same test under plain unittest."""

import time
import unittest
from collections.abc import Callable, Iterator
from dataclasses import replace
from statistics import median
from typing import Any

from django.db import connections, transaction

from benchmarks.project.database.queries import query
from benchmarks.rows import Row, Sizes
from smoketest import conf, runs
from smoketest.results import Status
from smoketest.suite.plan import Selection


def measure(sizes: Sizes) -> Iterator[Row]:
    """Measure one test of many, in this process."""
    yield _row("an empty test", "plain unittest", ("empty", "EmptyTest", lambda _test: None), sizes)
    plain = "plain unittest, in atomic() and rolled back"
    yield _row("a query on SQLite", plain, ("database", "SQLiteTest", _rolled_back("default")), sizes)
    if "postgresql" in connections:
        yield _row("a query on PostgreSQL", plain, ("database", "PostgreSQLTest", _rolled_back("postgresql")), sizes)
    connections.close_all()


def _row(what: str, against: str, test: tuple[str, str, Callable[[Any], None]], sizes: Sizes) -> Row:
    app, test_class, body = test
    plain_class = type("PlainTest", (unittest.TestCase,), {f"test_{each:05}": body for each in range(sizes.tests)})
    rounds = [(_ours(app, test_class, sizes), _plain(plain_class)) for _ in range(sizes.rounds + 1)][1:]
    micro = 1e6 / sizes.tests
    return Row(
        what=f"{what}, one of {sizes.tests:,} in process",
        found=median(ours for ours, _ in rounds) * micro,
        unit="µs",
        base=median(plain for _, plain in rounds) * micro,
        against=against,
    )


def _ours(app: str, test_class: str, sizes: Sizes) -> float:
    settings = replace(conf.current(), apps=(f"benchmarks.project.{app}",))
    began = time.perf_counter()
    report, _ = runs.run_here(Selection(k=(test_class,)), settings, script_prefix="/")
    seconds = time.perf_counter() - began
    if report.status is not Status.PASS or report.tests_total != sizes.tests:
        message = f"{sizes.tests} tests are to pass; {report.tests_total} were run, and it was {report.status}"
        raise RuntimeError(message)
    return seconds


def _plain(test_class: type[unittest.TestCase]) -> float:
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(test_class)
    result = unittest.TestResult()
    began = time.perf_counter()
    suite.run(result)
    seconds = time.perf_counter() - began
    if not result.wasSuccessful():
        raise RuntimeError(result.errors[0][1])
    return seconds


def _rolled_back(alias: str) -> Callable[[Any], None]:
    def body(_test: Any) -> None:
        with transaction.atomic(using=alias):
            query(alias)
            transaction.set_rollback(True, using=alias)

    return body
