"""Runs in Redis: facts only, each write one script, every key with an expiry."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from smoketest.errors import UnknownRunError
from smoketest.record.clients import Client, Script
from smoketest.results import Cause, Counts, Plan, Result, Run, Step

RECENT_RUNS = 100
"""How many runs the list of recent ones holds."""
MOST_NEW_RESULTS = 200
"""How many results one look at what is new answers."""

_LUA = Path(__file__).parent / "lua"
_KEY_PARTS = ("", ":steps", ":todo", ":results", ":order", ":done")
_STEPS, _TODO, _RESULTS, _ORDER, _DONE = range(1, 6)
_INDEX = "smoketest:runs"
_LEASE_GRACE_SECONDS = 5.0
"""On top of a test's limit: its end by force, and a while without Redis."""
_MOST_PATIENCE_SECONDS = 0.5
"""One blocking read; shorter than the socket's timeout."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """One of those who take a run's tests, and run them one after another."""

    run_id: str
    name: str
    lane: str = ""
    """The host whose tests it takes; empty: those that may run anywhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """A step that a shard is to run."""

    index: str
    step: Step
    waited_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a shard is told when it asks for its next step."""

    assignment: Assignment | None
    """None: there is nothing to do any more."""
    left: int = 0
    """Then, how many units wait for somebody else."""
    was_first: bool = True
    """Whether the result that it brought was the step's first, and counts."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """What a shard that died leaves to somebody else."""

    units: int
    """How many wait on its lane."""
    lane: str


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
    return RedisStore(Client(url, timeout_seconds=timeout_seconds))


class RedisStore:
    """The record of all runs.

    Every method raises QueueUnavailableError when Redis does not answer, and those that return something of a run
    UnknownRunError when there is no such run.
    """

    def __init__(self, client: Client) -> None:
        """Take the client of the server."""
        self._client = client
        facts = (_LUA / "facts.lua").read_text()
        of_runs = ("abandon", "begin", "cancel", "create", "give_up", "idle", "poll", "refuse", "step")
        self._scripts = {name: Script(client, facts + (_LUA / f"{name}.lua").read_text()) for name in of_runs}
        self._claim = Script(client, (_LUA / "claim.lua").read_text())
        self._list = Script(client, (_LUA / "list.lua").read_text())

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
        bound = start_seconds + sum(step.timeout_seconds + _LEASE_GRACE_SECONDS for step in plan.steps)
        given = _as_given(plan) | {
            "about": json.dumps(asdict(about)),
            "bound_ms": int(bound * 1000),
            "start_ms": int(start_seconds * 1000),
            "ttl_seconds": max(1, int(keep_seconds)),
        }
        self._run_script("create", run_id, json.dumps(given))
        self._list([_INDEX], run_id, RECENT_RUNS, max(1, int(keep_seconds)))
        return bound

    def discard(self, run_id: str) -> None:
        """Forget a run that nobody has been told of."""
        with self._client.answering() as server:
            server.zrem(_INDEX, run_id)
            server.delete(*_keys(run_id))

    def holder(self, wanted: str) -> str:
        """Return the run that was started last for what is wanted, or nothing."""
        with self._client.answering() as server:
            return server.get(_place(wanted)) or ""

    def claim(self, wanted: str, run_id: str, *, instead_of: str, keep_seconds: float) -> str:
        """Let the run be the one for what is wanted, unless another has come first; return the one that is."""
        winner: str = self._claim([_place(wanted)], run_id, instead_of, max(1, int(keep_seconds)))
        return winner

    def begin(self, shard: Shard, delivery: str) -> tuple[About, list[str]]:
        """Tell that a shard begins.

        Return what is known of the run and, by name, the earlier shards of the same `delivery` (what their names
        begin with) that still own a step.
        """
        answer = self._run_script("begin", shard.run_id, shard.name, delivery)
        if not answer:
            raise UnknownRunError(shard.run_id)
        return About(**json.loads(answer[0])), answer[1:]

    def step(
        self,
        shard: Shard,
        *,
        ended: tuple[Assignment, Result] | None = None,
        is_stopping: bool = False,
    ) -> Answer:
        """Record the step that ended and take the next; none when `is_stopping`, what the shard owns waits again then.

        The first result of a step wins. Safe to repeat when the answer was lost.
        """
        last = _ended_arguments(*ended) if ended else ("", "", "", "")
        grace_ms = int(_LEASE_GRACE_SECONDS * 1000)
        answer = self._run_script("step", shard.run_id, shard.name, shard.lane, grace_ms, int(is_stopping), *last)
        if answer[0] == "end":
            return Answer(assignment=None, left=answer[1], was_first=bool(answer[2]))
        _, index, step, waited_ms, was_first = answer
        assignment = Assignment(index=index, step=_step(step), waited_seconds=int(waited_ms) / 1000)
        return Answer(assignment=assignment, was_first=bool(was_first))

    def owns(self, shard: Shard) -> bool:
        """Tell whether what the shard runs is still its own: not cancelled, and its time is not over."""
        with self._client.answering() as server:
            return bool(server.hexists(_keys(shard.run_id)[0], f"shard:{shard.name}"))

    def abandon(self, run_id: str, shard: str, why: str) -> Left:
        """End what a shard ran, which is dead; return what it leaves to somebody else."""
        units, lane = self._run_script("abandon", run_id, shard, why)
        return Left(units=units, lane=lane)

    def refuse(self, run_id: str, why: str) -> None:
        """Tell why a worker left the run alone, in case nobody takes it."""
        self._run_script("refuse", run_id, why)

    def give_up(self, run_id: str, lane: str, why: str) -> None:
        """Let the tests be lost that waited on a lane in vain; `why` says what the workers looked like."""
        self._run_script("give_up", run_id, lane, why)

    def idle_lanes(self, run_id: str, lanes: Sequence[str], *, patience_seconds: float) -> list[str]:
        """Return those of the lanes where tests wait and nobody works; whoever is told them sends a message."""
        idle: list[str] = self._run_script("idle", run_id, int(patience_seconds * 1000), *lanes)
        return idle

    def cancel(self, run_id: str) -> None:
        """End the run now; nothing new starts."""
        if not self._run_script("cancel", run_id):
            raise UnknownRunError(run_id)

    def peek(self, run_id: str) -> Run:
        """Return what is known of the run without its results, at the same cost however many they are."""
        answer = self._run_script("poll", run_id)
        if not answer:
            raise UnknownRunError(run_id)
        told = json.loads(answer)
        facts = dict(zip(told["facts"][::2], told["facts"][1::2], strict=True))
        # Lua has but one kind of table, so that an empty list comes as an object.
        return _run(run_id, facts, now=int(told["now"]), silent_lanes=tuple(told["silent"]))

    def with_results(self, run: Run) -> Run:
        """Return the run with its plan and all results so far."""
        keys = _keys(run.id)
        with self._client.answering() as server:
            pipe = server.pipeline(transaction=False)
            pipe.hgetall(keys[_STEPS])
            pipe.hgetall(keys[_RESULTS])
            steps_by_index, results_by_index = pipe.execute()
        steps = {index: _step(text) for index, text in steps_by_index.items()}
        in_order = sorted(steps, key=int)
        return replace(
            run,
            plan=Plan(steps=tuple(steps[index] for index in in_order)),
            results=_results(steps, results_by_index),
        )

    def new_results(self, run: Run, after: int) -> Run:
        """Return the run with those results alone that came after the first `after`, a few hundred at most."""
        keys = _keys(run.id)
        with self._client.answering() as server:
            indices = server.lrange(keys[_ORDER], after, after + MOST_NEW_RESULTS - 1)
            if not indices:
                return run
            pipe = server.pipeline(transaction=False)
            pipe.hmget(keys[_STEPS], indices)
            pipe.hmget(keys[_RESULTS], indices)
            steps, results = pipe.execute()
        steps_by_index = {index: _step(text) for index, text in zip(indices, steps, strict=True) if text}
        results_by_index = {index: text for index, text in zip(indices, results, strict=True) if text}
        return replace(
            run, plan=Plan(steps=tuple(steps_by_index.values())), results=_results(steps_by_index, results_by_index)
        )

    def wait(self, run_id: str, seconds: float) -> None:
        """Return when the run has finished, or after a while that is at most `seconds`."""
        done = _keys(run_id)[_DONE]
        with self._client.answering() as server:
            # The token goes round, so that each of those who wait gets it.
            server.blmove(done, done, max(0.01, min(seconds, _MOST_PATIENCE_SECONDS)), "RIGHT", "LEFT")

    def recent_ids(self, most: int = RECENT_RUNS) -> list[str]:
        """Return the ids of the recent runs, newest first."""
        with self._client.answering() as server:
            ids: list[str] = server.zrevrange(_INDEX, 0, most - 1)
        return ids

    def eviction_policy(self) -> str:
        """Return what Redis does when its memory is full; all but `noeviction` loses runs, or messages, in silence."""
        with self._client.answering() as server:
            return str(server.info("memory").get("maxmemory_policy", ""))

    def _run_script(self, name: str, run_id: str, *arguments: str | int) -> Any:
        return self._scripts[name](_keys(run_id), *arguments)


def _keys(run_id: str) -> list[str]:
    """Return the keys of a run; the hash tag keeps them in one slot of a cluster."""
    return [f"smoketest:{{{run_id}}}{part}" for part in _KEY_PARTS]


def _place(wanted: str) -> str:
    return f"smoketest:wanted:{wanted}"


def _as_given(plan: Plan) -> dict[str, Any]:
    """Return the plan as the script wants it."""
    index_of = {step.id: index for index, step in enumerate(plan.steps)}
    return {
        "lanes": " ".join(dict.fromkeys(step.host for step in plan.steps if step.id not in plan.known)),
        "steps": [f"{int(step.timeout_seconds * 1000)} {json.dumps(step.as_dict())}" for step in plan.steps],
        "units": [
            {"lane": unit[0].host, "indices": " ".join(str(index_of[step.id]) for step in unit)}
            for unit in plan.units()
        ],
        "known": [
            {"index": str(index_of[test_id]), "outcome": result.outcome, "result": json.dumps(result.as_dict())}
            for test_id, result in plan.known.items()
        ],
    }


def _ended_arguments(assignment: Assignment, result: Result) -> tuple[str, str, str, str]:
    is_timeout = str(int(result.cause is Cause.TIMEOUT))
    return assignment.index, result.outcome, is_timeout, json.dumps(result.as_dict())


def _step(text: str) -> Step:
    """Return the step that stands behind its limit in milliseconds."""
    return Step.from_dict(json.loads(text.partition(" ")[2]))


def _results(steps: Mapping[str, Step], results: Mapping[str, str]) -> dict[str, Result]:
    return {
        steps[index].id: Result.from_dict({**json.loads(text), "id": steps[index].id})
        for index, text in results.items()
    }


def _run(run_id: str, facts: Mapping[str, str], *, now: int, silent_lanes: tuple[str, ...]) -> Run:
    about = json.loads(facts["about"])
    ended_at = int(facts.get("finished_at") or now)
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
        seconds=(ended_at - int(facts["created_at"])) / 1000,
        is_cancelled="cancelled_at" in facts,
        start_seconds=int(facts["start_ms"]) / 1000,
        left_seconds=max(0, int(facts["deadline"]) - now) / 1000,
        silent_lanes=silent_lanes,
        owners=tuple(name.removeprefix("shard:") for name in facts if name.startswith("shard:")),
        refusal=facts.get("refusal", ""),
    )


def _time(milliseconds: str | None) -> datetime | None:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None
