"""Runs in Redis: facts only, each write one script, every key with an expiry."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from smoketest.errors import QueueUnavailableError, UnknownRunError
from smoketest.results import Cause, Counts, Plan, Result, Run, Step

RECENT_RUNS = 100
"""How many runs the list of recent ones holds."""

_LUA = Path(__file__).parent / "lua"
_KEY_PARTS = ("", ":steps", ":todo", ":leases", ":own", ":results", ":order", ":done")
_LEASE_GRACE_SECONDS = 5.0
"""On top of a test's limit: its end by force, and a while without Redis."""
_MOST_PATIENCE_SECONDS = 0.5
"""One blocking read; shorter than the socket's timeout."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """A step that a shard is to run."""

    index: str
    step: Step
    waited_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What is known of a run before it begins, beside its plan."""

    release: str
    host: str
    test_classes: int
    selection: str = ""


@cache
def open_store(url: str, *, timeout_seconds: float = 1.0) -> "RedisStore":
    """Return this process' store at `url`; it connects when it is used."""
    client = redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout_seconds,
        socket_connect_timeout=timeout_seconds,
        # One more try, for a connection that the server has closed meanwhile; none after a timeout.
        retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
    )
    return RedisStore(client, _shown(url))


class RedisStore:
    """The record of all runs.

    Every method raises QueueUnavailableError when Redis does not answer, and those that take a run's id
    UnknownRunError when there is no such run.
    """

    def __init__(self, client: redis.Redis, address: str) -> None:
        """Take a client that decodes responses, and the address to name in errors."""
        self._client = client
        self._address = address
        facts = (_LUA / "facts.lua").read_text()
        self._scripts = {
            name: client.register_script(facts + (_LUA / f"{name}.lua").read_text())
            for name in ("create", "begin", "step", "poll", "cancel")
        }

    def create(
        self,
        run_id: str,
        plan: Plan,
        about: About,
        *,
        start_seconds: float,
        keep_seconds: float,
    ) -> float:
        """Record a new run and return how many seconds it may take at most; a second call changes nothing."""
        index_of = {step.id: index for index, step in enumerate(plan.steps)}
        bound = start_seconds + sum(step.timeout_seconds + _LEASE_GRACE_SECONDS for step in plan.steps)
        given = {
            "about": json.dumps(_as_dict(about)),
            "bound_ms": int(bound * 1000),
            "start_ms": int(start_seconds * 1000),
            "ttl_seconds": max(1, int(keep_seconds)),
            "steps": [json.dumps(step.as_dict()) for step in plan.steps],
            "units": [" ".join(str(index_of[step.id]) for step in unit) for unit in plan.units()],
            "known": [
                {"index": str(index_of[test_id]), "outcome": result.outcome, "result": json.dumps(result.as_dict())}
                for test_id, result in plan.known.items()
            ],
        }
        self._run_script("create", run_id, json.dumps(given))
        with self._answering():
            pipe = self._client.pipeline(transaction=False)
            pipe.zadd(_INDEX, {run_id: datetime.now(UTC).timestamp()})
            pipe.zremrangebyrank(_INDEX, 0, -RECENT_RUNS - 1)
            pipe.expire(_INDEX, max(1, int(keep_seconds)))
            pipe.execute()
        return bound

    def begin(self, run_id: str, shard: str) -> None:
        """Tell that a shard begins; what an earlier delivery of it was running is lost."""
        self._run_script("begin", run_id, shard)

    def step(
        self,
        run_id: str,
        shard: str,
        *,
        ended: tuple[Assignment, Result] | None = None,
        is_stopping: bool = False,
    ) -> Assignment | None:
        """Record the step that ended and take the next, or None when there is nothing to do any more.

        The first result of a step wins. Safe to repeat when the answer was lost.
        """
        last = _ended_arguments(*ended) if ended else ("", "", "", "")
        grace_ms = int(_LEASE_GRACE_SECONDS * 1000)
        answer = self._run_script("step", run_id, shard, grace_ms, int(is_stopping), *last)
        if answer[0] != "run":
            return None
        _, index, step, waited_ms = answer
        return Assignment(index=index, step=Step.from_dict(json.loads(step)), waited_seconds=int(waited_ms) / 1000)

    def cancel(self, run_id: str) -> None:
        """End the run now; nothing new starts."""
        if not self._run_script("cancel", run_id):
            raise UnknownRunError(run_id)

    def fetch(self, run_id: str) -> Run:
        """Return what is known of the run; its results only once it has finished."""
        run = self._poll(run_id)
        return self._with_results(run) if run.finished_at else run

    def wait(self, run_id: str, seconds: float) -> None:
        """Return when the run has finished, or after a while that is at most `seconds`."""
        done = _keys(run_id)[-1]
        with self._answering():
            # The token goes round, so that each of those who wait gets it.
            self._client.blmove(done, done, max(0.01, min(seconds, _MOST_PATIENCE_SECONDS)), "RIGHT", "LEFT")  # type: ignore[arg-type]

    def recent(self) -> list[Run]:
        """Return the recent runs, newest first, without their results."""
        with self._answering():
            ids: list[str] = self._client.zrevrange(_INDEX, 0, RECENT_RUNS - 1)  # type: ignore[assignment]
        runs = []
        for run_id in ids:
            try:
                runs.append(self._poll(run_id))
            except UnknownRunError:
                continue
        return runs

    def _poll(self, run_id: str) -> Run:
        answer = self._run_script("poll", run_id)
        if not answer:
            raise UnknownRunError(run_id)
        return _run(run_id, dict(zip(answer[::2], answer[1::2], strict=True)))

    def _with_results(self, run: Run) -> Run:
        keys = _keys(run.id)
        with self._answering():
            pipe = self._client.pipeline(transaction=False)
            pipe.hgetall(keys[1])
            pipe.hgetall(keys[5])
            steps_by_index, results_by_index = pipe.execute()
        steps = {index: Step.from_dict(json.loads(text)) for index, text in steps_by_index.items()}
        results = {
            steps[index].id: Result.from_dict({**json.loads(text), "id": steps[index].id})
            for index, text in results_by_index.items()
        }
        in_order = sorted(steps, key=int)
        return replace(run, plan=Plan(steps=tuple(steps[index] for index in in_order)), results=results)

    def _run_script(self, name: str, run_id: str, *arguments: str | int) -> Any:
        with self._answering():
            return self._scripts[name](keys=_keys(run_id), args=arguments)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except redis.RedisError as error:
            message = f"Redis at {self._address} does not answer: {type(error).__name__}: {error}"
            raise QueueUnavailableError(message) from error


_INDEX = "smoketest:runs"


def _keys(run_id: str) -> list[str]:
    """Return the keys of a run; the hash tag keeps them in one slot of a cluster."""
    return [f"smoketest:{{{run_id}}}{part}" for part in _KEY_PARTS]


def _ended_arguments(assignment: Assignment, result: Result) -> tuple[str, str, str, str]:
    is_timeout = str(int(result.cause is Cause.TIMEOUT))
    return assignment.index, result.outcome, is_timeout, json.dumps(result.as_dict())


def _as_dict(about: About) -> dict[str, Any]:
    return {name: getattr(about, name) for name in About.__slots__}


def _run(run_id: str, facts: dict[str, str]) -> Run:
    about = json.loads(facts["about"])
    ended_at = facts.get("finished_at") or facts["now"]
    return Run(
        id=run_id,
        plan=Plan(steps=()),
        results={},
        counts=Counts(
            **{name: int(facts.get(name, 0)) for name in ("passed", "failed", "errored", "skipped", "timed_out")}
        ),
        test_classes=about["test_classes"],
        tests_total=int(facts["total"]),
        release=about["release"],
        host=about["host"],
        started_at=_time(facts.get("started_at")),
        finished_at=_time(facts.get("finished_at")),
        seconds=(int(ended_at) - int(facts["created_at"])) / 1000,
        is_cancelled="cancelled_at" in facts,
    )


def _time(milliseconds: str | None) -> datetime | None:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None


def _shown(url: str) -> str:
    """Return an address without a password in it."""
    return url.partition("://")[2].rpartition("@")[2].partition("?")[0]
