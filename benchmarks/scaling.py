"""What queued runs cost Redis as the workers become more; these are played by calls from this process."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import redis

from benchmarks import servers
from benchmarks.rows import Row, Sizes
from smoketest.conf import Conf
from smoketest.queue.main import Main, ShardName
from smoketest.queue.presence import Presence
from smoketest.record.encoding import new_run
from smoketest.record.places import open_places
from smoketest.record.redis import RedisStore, open_store
from smoketest.record.values import About, Assignment, Shard, Terms
from smoketest.record.workers import Worker
from smoketest.results import Outcome, Plan, Result, Step

_WORKERS = (1, 100, 1000)
_RUN = "scaling"
_RELEASE = "bench"
_MOST_ROUNDS = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class _Cost:
    """What one of many costs Redis."""

    microseconds: float
    """Of its processor."""
    commands: float
    """Those of scripts too."""


def measure(sizes: Sizes) -> Iterator[Row]:
    """Measure a run on every host, each with a worker that has a test under way."""
    tests = max(sizes.long, 2 * max(_WORKERS))
    costs = {number: _measure(number, tests) for number in _WORKERS}
    for number in _WORKERS[1:]:
        for position, what in enumerate(("to record a test and hand out the next", "a look of one worker, each 2 s")):
            ours, base = costs[number][position], costs[1][position]
            told = f"{what}, of a run of {tests:,} tests on {number:,} hosts"
            cpu = f"{told}: Redis' processor"
            yield Row(what=cpu, found=ours.microseconds, unit="µs", base=base.microseconds, against="on one host")
            commands = f"{told}: commands"
            yield Row(what=commands, found=ours.commands, unit="", base=base.commands, against="on one host")


def _measure(workers: int, tests: int) -> tuple[_Cost, _Cost]:
    with servers.embedded_redis() as url, redis.Redis.from_url(url, decode_responses=True) as client:
        store, lanes = open_store(url), [f"host{each:04}" for each in range(workers)]
        steps = [_step(f"{number}@{lanes[number % workers]}", lanes[number % workers]) for number in range(tests)]
        about = About(release=_RELEASE, host="web", test_classes=1)
        terms, places = Terms(start_seconds=60, keep_seconds=600, parallel=2), open_places(url)
        store.create_call(_RUN, new_run(Plan(steps=tuple(steps)), about, terms)).ask()
        places.claim_call("all", _RUN, places.look_call("all", most=1).ask(), most=1, keep_seconds=600).ask()
        shards = [Shard(run_id=_RUN, name=str(_name(lane)), lane=lane) for lane in lanes]
        ready = [(shard, store.step(shard).assignments[0]) for shard in shards]
        presences = [_presence(url, lane) for lane in lanes]
        _look(presences)  # connects, and sends the scripts
        looks = _cost(client, lambda: _look(presences), workers)
        rounds = max(1, min(tests // 2, _MOST_ROUNDS) // workers)
        return _cost(client, lambda: _work(store, ready, rounds), rounds * workers), looks


def _look(presences: list[Presence]) -> None:
    for presence in presences:
        presence.look()


def _work(store: RedisStore, ready: list[tuple[Shard, Assignment]], rounds: int) -> None:
    for _ in range(rounds):
        for position, (shard, assignment) in enumerate(ready):
            result = Result(id=assignment.step.id, outcome=Outcome.PASSED)
            ready[position] = shard, store.step(shard, ended=[(assignment, result)]).assignments[0]


def _cost(client: "redis.Redis", act: Callable[[], object], times: int) -> _Cost:
    before = _spent(client)
    act()
    seconds, commands = (after - earlier for after, earlier in zip(_spent(client), before, strict=True))
    return _Cost(microseconds=seconds * 1e6 / times, commands=commands / times)


def _spent(client: "redis.Redis") -> tuple[float, float]:
    cpu, calls = client.info("cpu"), client.info("commandstats")
    inside = sum(each["calls"] for name, each in calls.items() if name != "cmdstat_info")
    return cpu["used_cpu_user"] + cpu["used_cpu_sys"], inside


def _step(name: str, lane: str) -> Step:
    test_class = "bench.smoke.ManyTest"
    return Step(id=f"{test_class}.test_{name}", test_class=test_class, timeout_seconds=600, host=lane)


def _name(lane: str) -> ShardName:
    return ShardName(task_id=f"task-{lane}", worker_id=f"{lane}/1/ab", process=f"{lane}:1:1", turn="1")


def _presence(url: str, lane: str) -> Presence:
    worker = Worker(
        id=_name(lane).worker_id, host=lane, node=lane, pid=1, pool="prefork", queues=("celery",), release=_RELEASE
    )
    return Presence(Main(), worker, Conf(redis_url=url), queue="celery")
