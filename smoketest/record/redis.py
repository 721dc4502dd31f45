"""Runs in Redis: facts only, each write one script, every key with an expiry."""

import json
from collections.abc import Sequence
from contextlib import suppress
from functools import cache, partial
from typing import Any

from smoketest.errors import QueueUnavailableError, UnknownRunError
from smoketest.facts import Run
from smoketest.record import encoding
from smoketest.record.calls import Call, ask_both
from smoketest.record.clients import Client, open_client
from smoketest.record.keys import BASELINE, DONE, LOOKED_AT, ORDER, OWNERS, QUIET, RESULTS, SHARDS, STEPS, TODO, keys_of
from smoketest.record.scripts import scripts_of_runs
from smoketest.record.values import LEASE_GRACE_SECONDS, Answer, Assignment, Begun, IdleLane, Left, Shard
from smoketest.results import Plan, Result

MOST_RESULTS = 500
"""How many results are read at once: Redis serves nobody else meanwhile."""
MOST_NEW_RESULTS = 200
"""How many results one look at what is new answers."""

_HOLD_SECONDS = 10.0
"""How long a shard that waits for one has what it owns, unless it tells again that it lives."""
_TELLING_SECONDS = 30.0
"""How long whoever tells of a run may take to confirm it: to read ten thousands of results, and for the receivers."""
_MOST_PATIENCE_SECONDS = 0.5
"""One blocking read; shorter than the socket's timeout."""


@cache
def open_store(url: str, *, timeout_seconds: float = 1.0) -> "RedisStore":
    """Return this process' store at `url`; it connects when it is used."""
    return RedisStore(open_client(url, timeout_seconds=timeout_seconds))


class RedisStore:
    """The record of all runs.

    Every method raises QueueUnavailableError when Redis does not answer, and those that return something of a run
    UnknownRunError when there is no such run.
    """

    def __init__(self, client: Client) -> None:
        """Take the client of the server."""
        self._client = client
        self._scripts = scripts_of_runs(client)

    def create_call(self, run_id: str, new: Sequence[str], *, baseline: str = "") -> Call[Run]:
        """Return the call that records a new run, as `new_run` makes it, and answers it; a second one changes nothing.

        Of a large plan all but the last part is recorded here. What the run is to be compared with is fixed: whoever
        looks at its report sees the same.
        """
        *parts, last = new
        for part in parts:
            self._run_script("add", run_id, part)
        read = partial(encoding.run_of, run_id)
        # What is asked behind it, the claim of a place, counts on that the run is there.
        return self._scripts["create"].call(keys_of(run_id), last, baseline, read=read, is_in_full=True)

    def discard(self, run_id: str, plan: Plan) -> None:
        """Forget a run that nobody has been told of."""
        keys = keys_of(run_id)
        with self._client.answering() as server:
            server.delete(*keys, *(f"{keys[TODO]}@{lane}" for lane in encoding.lanes(plan) if lane))

    def begin(self, shard: Shard, *, turn: int = 0, most: int = 0, release: str, delivery: str) -> Begun:
        """Tell that a shard of a release begins. It is handed `most` steps as by `step`, or may wait as after `hold`.

        `delivery` is what the names of all shards have in common that got the same message.
        """
        asked = {
            **_asked(shard, turn=turn, most=most),
            "hold_ms": int(_HOLD_SECONDS * 1000),
            "release": release,
            "delivery": delivery,
        }
        answer = self._run_script("begin", shard.run_id, json.dumps(asked))
        if not answer:
            raise UnknownRunError(shard.run_id)
        about, has_work, handed_out, *earlier = answer
        return Begun(
            about=encoding.about_of(about),
            has_work=bool(has_work),
            first=encoding.answer_of(handed_out) if handed_out else None,
            earlier=tuple(earlier),
        )

    def hold(self, shard: Shard, *, limit_seconds: float = 0.0) -> bool:
        """Let a shard wait for a process before its next step, for a while; tell whether there is anything to do.

        Where it has that step already, its limit is on top.
        """
        asked = (shard.name, shard.lane, int((_HOLD_SECONDS + limit_seconds) * 1000))
        return bool(self._run_script("hold", shard.run_id, *asked))

    def step(
        self,
        shard: Shard,
        *,
        turn: int = 0,
        ended: Sequence[tuple[Assignment, Result]] = (),
        running: str = "",
        most: int = 1,
    ) -> Answer:
        """Record the steps that ended and return those that the shard owns then: `most`, or just that which runs.

        What else it owned waits again, and with `most=0` all of it. The first result of a step wins. Repeat it with the
        next `turn` when the answer was lost: what comes behind a later turn only records.
        """
        asked = _asked(shard, turn=turn, running=running, most=most)
        told = (encoding.ended_step(*each) for each in ended)
        return encoding.answer_of(self._run_script("step", shard.run_id, json.dumps(asked), *told))

    def reach(self) -> None:
        """Have a connection, if one can be had, for what is asked while a test runs."""
        with suppress(QueueUnavailableError):
            self._client.reach()

    def owns(self, shard: Shard) -> bool:
        """Tell whether what the shard runs is still its own: not cancelled, and its time is not over."""
        with self._client.answering() as server:
            return bool(server.hexists(keys_of(shard.run_id)[SHARDS], shard.name))

    def owners(self, run_id: str, machine: str = "") -> list[str]:
        """Return the names of the shards that run a test now; of a machine, those that begin with its name."""
        key = keys_of(run_id)[OWNERS]
        first, last = (f"[{machine}:", f"({machine};") if machine else ("-", "+")
        with self._client.answering() as server:
            found: list[str] = server.zrangebylex(key, first, last)
        return found

    def abandon(self, run_id: str, shard: str, why: str) -> Left:
        """End what a shard ran, which is dead; return what it leaves to somebody else."""
        units, lane = self._run_script("abandon", run_id, shard, why)
        return Left(units=units, lane=lane)

    def refuse(self, run_id: str, why: str) -> None:
        """Tell why a worker left the run alone, or could not run it, in case nobody takes it."""
        self._run_script("refuse", run_id, why)

    def give_up(self, run_id: str, lane: str, why: str) -> None:
        """Let the tests be lost that waited on a lane in vain; `why` says what the workers looked like."""
        self._run_script("give_up", run_id, lane, why)

    def quiet_lanes(self, run_id: str) -> list[str]:
        """Return the lanes where tests wait and nobody works now."""
        with self._client.answering() as server:
            return list(server.zrange(keys_of(run_id)[QUIET], 0, -1))

    def idle_lanes(self, run_id: str, lanes: Sequence[str], *, patience_seconds: float) -> list[IdleLane]:
        """Return those of the lanes that have been quiet for too long; messages count as sent for them from now on."""
        idle = self._run_script("idle", run_id, int(patience_seconds * 1000), *lanes)
        return [IdleLane(*each) for each in zip(idle[::3], idle[1::3], idle[2::3], strict=True)]

    def unsend(self, run_id: str, lanes: Sequence[str]) -> None:
        """Tell that the messages for these lanes could not be sent, so that it is tried again as soon."""
        self._run_script("unsend", run_id, *lanes)

    def cancel(self, run_id: str, *, is_withdrawn: bool = False) -> None:
        """End the run now; nothing new starts. One that is withdrawn was never queued, and counts as gone."""
        if not self._run_script("cancel", run_id, int(is_withdrawn)):
            raise UnknownRunError(run_id)

    def peek(self, run_id: str, *, most_results: int = 0, has_ended: bool = False) -> Run:
        """Return what is known of the run without its results, at the same cost however many they are.

        One that has finished, and has no more than `most_results`, is returned as `with_results` does, unless they are
        too large to be read at once. Of one that `has_ended`, as far as the caller knows, that takes one trip.
        """
        if not has_ended and (standing := self._scripts["look"](keys_of(run_id, LOOKED_AT))):
            return encoding.run_of(run_id, standing)
        return self._poll(run_id, most_results).ask()

    def wait(self, run_id: str, seconds: float, *, most_results: int = 0) -> Run:
        """Return the run as `peek` does when it has finished, or after a while that is at most `seconds`."""
        done = keys_of(run_id)[DONE]
        patience = max(0.01, min(seconds, _MOST_PATIENCE_SECONDS))
        # The token goes round, so that each of those who wait gets it.
        token = Call(self._client, ("BLMOVE", done, done, "RIGHT", "LEFT", patience), bool)
        _, run = ask_both(token, self._poll(run_id, most_results))
        return run

    def _poll(self, run_id: str, most_results: int) -> Call[Run]:
        def read(answer: list[Any]) -> Run:
            if not answer:
                raise UnknownRunError(run_id)
            return encoding.run_of(run_id, *answer)

        return self._scripts["poll"].call(keys_of(run_id), most_results, read=read)

    def with_results(self, run: Run) -> Run:
        """Return the run with its plan, all results so far, and what it is compared with."""
        if run.has_results:
            return run
        parts, first = [], 0
        while first < run.tests_total:
            last = min(first + MOST_RESULTS, run.tests_total) - 1
            *part, first = self._run_script("read", run.id, first, last)
            parts.append(part)
        with self._client.answering() as server:
            baseline = server.get(keys_of(run.id)[BASELINE])
        return encoding.with_results(run, parts, baseline or "")

    def new_results(self, run: Run, after: int) -> Run:
        """Return the run with those results alone that came after the first `after`, a few hundred at most."""
        keys = keys_of(run.id)
        with self._client.answering() as server:
            indices = server.lrange(keys[ORDER], after, after + MOST_NEW_RESULTS - 1)
            if not indices:
                return encoding.with_results(run, [], None)
            pipe = server.pipeline(transaction=False)
            pipe.hmget(keys[STEPS], indices)
            pipe.hmget(keys[RESULTS], indices)
            part = encoding.part_of(*pipe.execute())
        return encoding.with_results(run, [part], None)

    def claim_telling(self, run_id: str, wanted: Sequence[str]) -> list[str]:
        """Return what of `started` and `finished`, as far as wanted, has happened and is the caller's to tell.

        If it does not confirm that soon, somebody else may have it.
        """
        events: list[str] = self._run_script("tell", run_id, int(_TELLING_SECONDS * 1000), *wanted)
        return events

    def confirm_told(self, run_id: str, events: Sequence[str]) -> None:
        """Tell that these have been told, so that nobody tells them again."""
        self._run_script("told", run_id, *events)

    def _run_script(self, name: str, run_id: str, *arguments: str | int) -> Any:
        return self._scripts[name](keys_of(run_id), *arguments)


def _asked(shard: Shard, *, turn: int, running: str = "", most: int) -> dict[str, Any]:
    """Return what a shard asks for as the scripts want it."""
    return {
        "shard": shard.name,
        "lane": shard.lane,
        "turn": turn,
        "grace_ms": int(LEASE_GRACE_SECONDS * 1000),
        "running": running,
        "most": most,
    }
