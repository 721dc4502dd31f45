"""What a queued run takes from the request to its final report, against bare Celery."""

import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from statistics import median

import redis
from celery import group

from benchmarks import servers
from benchmarks.project.celery import app, count, nothing
from benchmarks.rows import Row, Sizes

_POLL_SECONDS = 0.001
_WARM_UP = 10
"""Runs, so that each process of the web server has looked for the tests, which takes a third of a second once."""


def measure(sizes: Sizes) -> Iterator[Row]:
    """Measure many tests, one test, and a poll, in turns with what they are compared with."""
    with servers.embedded_redis() as url:
        app.conf.update(broker_url=url, result_backend=url)
        environment = {"BENCH_REDIS": url, "BENCH_TESTS": str(sizes.queued), "BENCH_LONG": str(sizes.long)}
        with (
            servers.work(BENCH_APPS="queued", **environment),
            servers.serve("gthread", "queued", **environment) as server,
        ):
            nothing.delay().get(timeout=30)
            for _ in range(_WARM_UP):
                _run(server, "k=SingleTest")
            yield from _many(server, url, sizes)
            yield from _one(server, sizes)
            yield from _poll(server, sizes)
        app.close()


def _many(server: servers.Server, url: str, sizes: Sizes) -> Iterator[Row]:
    rounds = [
        (*_run(server, "k=QueuedTest"), _took(lambda: _group(sizes.queued)), _took(lambda: _counted(url, sizes.queued)))
        for _ in range(min(3, sizes.rounds))
    ]
    accepted, ended, grouped, counted = (median(values) * 1000 for values in zip(*rounds, strict=True))
    what = f"{sizes.queued:,} empty tests, queued, until the final report"
    yield Row(what=what, found=ended, unit="ms", base=grouped, against="a Celery group with results")
    yield Row(what=what, found=ended, unit="ms", base=counted, against="a Celery group that counts in Redis")
    yield Row(what=f"{sizes.queued:,} empty tests, queued, until the 202", found=accepted, unit="ms")


def _one(server: servers.Server, sizes: Sizes) -> Iterator[Row]:
    ways = {
        "": lambda: _run(server, "k=SingleTest"),
        ", as the answer to its POST": lambda: _run_at_once(server, "k=SingleTest"),
    }
    for way, run in ways.items():
        yield _beside(
            f"one queued test until the final report{way}, median",
            run,
            "delay().get()",
            lambda: nothing.delay().get(timeout=30),
            rounds=sizes.singles,
        )


def _poll(server: servers.Server, sizes: Sizes) -> Iterator[Row]:
    where = _start(server, "k=LongTest")
    yield _beside(
        f"a poll of a run of {sizes.long:,} tests while it goes on, median",
        lambda: server.ask(where),
        "a bare view",
        lambda: server.ask("/bare/"),
        rounds=sizes.polls,
    )
    server.ask(where, "DELETE")


def _beside(what: str, act: Callable[[], object], against: str, bare: Callable[[], object], *, rounds: int) -> Row:
    """Do the one and the other in turns."""
    pairs = [(_took(act), _took(bare)) for _ in range(rounds)]
    found, base = (median(each) * 1000 for each in zip(*pairs, strict=True))
    return Row(what=what, found=found, unit="ms", base=base, against=against)


def _run(server: servers.Server, selection: str) -> tuple[float, float]:
    """Return the seconds until the run was accepted, and until its final report was there."""
    began = time.perf_counter()
    where = _start(server, selection)
    accepted = time.perf_counter() - began
    while server.ask(f"{where}?wait=10")[0] == HTTPStatus.ACCEPTED:
        pass
    return accepted, time.perf_counter() - began


def _run_at_once(server: servers.Server, selection: str) -> None:
    status, body, _ = server.ask(f"/smoketest/slow/?new=1&wait=10&{selection}", "POST")
    if status != HTTPStatus.OK:
        message = f"a run was not answered: {status} {body!r}"
        raise RuntimeError(message)


def _start(server: servers.Server, selection: str) -> str:
    status, body, where = server.ask(f"/smoketest/slow/?new=1&{selection}", "POST")
    if status != HTTPStatus.ACCEPTED:
        message = f"a run was not accepted: {status} {body!r}"
        raise RuntimeError(message)
    return "/smoketest/" + where.partition("/smoketest/")[2]


def _group(size: int) -> None:
    group(nothing.s() for _ in range(size))().get(timeout=120)


def _counted(url: str, size: int) -> None:
    key = f"bench-{time.monotonic_ns()}"
    with redis.Redis.from_url(url) as client:
        group(count.s(key) for _ in range(size))()
        while int(client.get(key) or 0) < size:
            time.sleep(_POLL_SECONDS)


def _took(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began
