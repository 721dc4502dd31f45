"""How plans, steps, results and the facts of a run stand in Redis."""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

from smoketest.facts import Counts, Run
from smoketest.record.values import About, Answer, Assignment, Terms
from smoketest.results import Cause, Plan, Result, Step, pick_known

_PART = 500
"""How many steps one script writes: Redis serves nobody else meanwhile."""
_ABOUT_FIELDS = frozenset(About.__slots__)


def new_run(plan: Plan, about: About, terms: Terms) -> list[str]:
    """Return what is recorded of a new run, in parts; the last of them holds all that is not of the plan."""
    bound = terms.bound_seconds(plan)
    ttl_seconds = math.ceil(max(terms.keep_seconds, bound))
    *parts, last = ({**part, "ttl_seconds": ttl_seconds} for part in _parts(plan))
    facts = {
        "about": json.dumps(asdict(about)),
        "parallel": terms.parallel,
        "start_ms": int(terms.start_seconds * 1000),
        "total": len(plan.steps),
        "ttl_seconds": ttl_seconds,
        "keep_seconds": max(1, int(terms.keep_seconds)),
    }
    given = {
        "part": last,
        "facts": facts,
        "lanes": " ".join(lanes(plan)),
        "known": _known(plan),
        "bound_ms": int(bound * 1000),
    }
    return [json.dumps(part) for part in (*parts, given)]


def _parts(plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the plan in parts, at least one; a unit's part is that of its last step."""
    index_of = {step.id: index for index, step in enumerate(plan.steps)}
    units_by_part = defaultdict(list)
    for unit in plan.units():
        indices = [index_of[step.id] for step in unit]
        units_by_part[indices[-1] // _PART].append({"lane": unit[0].host, "indices": " ".join(map(str, indices))})
    for offset in range(0, max(1, len(plan.steps)), _PART):
        steps = [_as_text(step) for step in plan.steps[offset : offset + _PART]]
        yield {"offset": offset, "steps": steps, "units": units_by_part[offset // _PART]}


def _as_text(step: Step) -> str:
    """Return a step behind its limit in milliseconds, which the script reads."""
    return f"{int(step.timeout_seconds * 1000)} {json.dumps(step.as_dict())}"


def lanes(plan: Plan) -> list[str]:
    """Return the lanes that have something to do."""
    return list(dict.fromkeys(step.host for step in plan.steps if step.id not in plan.known))


def _known(plan: Plan) -> list[dict[str, str]]:
    """Return the results that stand before anything runs."""
    results = [(str(index), plan.known.get(step.id)) for index, step in enumerate(plan.steps)]
    return [
        {"index": index, "outcome": result.outcome, "result": _result_as_text(result)}
        for index, result in results
        if result
    ]


def ended_step(assignment: Assignment, result: Result) -> str:
    """Return a step that ended as the script wants it."""
    is_timeout = int(result.cause is Cause.TIMEOUT)
    return f"{assignment.index} {result.outcome} {is_timeout} {_result_as_text(result)}"


def _result_as_text(result: Result) -> str:
    """Return a result without its id: it stands beside its step."""
    return json.dumps({name: value for name, value in result.as_dict().items() if name != "id"})


def answer_of(text: str) -> Answer:
    """Return what the script told a shard."""
    told = json.loads(text)
    waited_seconds = told.get("waited_ms", 0) / 1000
    # Lua has but one kind of table, so that an empty list comes as an object.
    return Answer(
        assignments=tuple(
            Assignment(index=index, step=Step.from_dict(step), waited_seconds=waited_seconds)
            for index, step in told.get("steps", ())
        ),
        left=told["left"],
        has_room=told.get("has_room", False),
        has_ended=told.get("has_ended", False),
        late=frozenset(told.get("late", ())),
    )


def part_of(steps: Sequence[str | None], results: Sequence[str | None]) -> tuple[str, str]:
    """Return the texts of steps and of their results as `with_results` takes them; None: it is not there."""
    return _as_list([step and step.partition(" ")[2] for step in steps]), _as_list(results)


def _as_list(texts: Iterable[str | None]) -> str:
    return f"[{','.join(text or 'null' for text in texts)}]"  # one to decode: each alone takes twice as long


def with_results(run: Run, parts: Iterable[Sequence[str]], baseline: str | None) -> Run:
    """Return the run with its steps and their results, which come in parts of two JSON lists each.

    Without a baseline, which may be empty, they are not all that there are.
    """
    return replace(run, **_results_in(parts, baseline))


def _results_in(parts: Iterable[Sequence[str]], baseline: str | None) -> dict[str, Any]:
    read = [pair for steps, results in parts for pair in zip(json.loads(steps), json.loads(results), strict=True)]
    pairs = [(Step.from_dict(step), result) for step, result in read if step]
    results = {step.id: Result.from_dict({**result, "id": step.id}) for step, result in pairs if result}
    known = {"plan": Plan(steps=tuple(step for step, _ in pairs)), "results": results, "baseline": baseline}
    return known if baseline is None else known | {"tests_kept": len(results)}


def about_of(text: str) -> About:
    """Return what was known of a run before it began."""
    return About(**pick_known(_ABOUT_FIELDS, json.loads(text)))


def run_of(run_id: str, text: str, steps: str = "", results: str = "", baseline: str | None = None) -> Run:
    """Return the run that stands as the script told, with its steps and results if that told them too."""
    told = json.loads(text)
    whole = _results_in([(steps, results)] if steps else [], baseline)
    facts = dict(zip(told["facts"][::2], told["facts"][1::2], strict=True))
    now = int(told["now"])
    about = about_of(facts["about"])
    ended_at = int(facts.get("finished_at") or now)
    return Run(
        id=run_id,
        counts=Counts(
            **{name: int(facts.get(name, 0)) for name in ("passed", "failed", "errored", "skipped", "timed_out")}
        ),
        test_classes=about.test_classes,
        tests_total=int(facts["total"]),
        release=about.release,
        host=about.host,
        selection=about.selection,
        only_new=about.only_new,
        place=about.place,
        started_at=_time(facts.get("started_at")),
        finished_at=_time(facts.get("finished_at")),
        seen_at=_time(told["now"]),
        is_news=told["is_news"],
        seconds=max(0, ended_at - int(facts["created_at"])) / 1000,  # Redis' clock may have been put back
        is_cancelled="cancelled_at" in facts,
        is_withdrawn="withdrawn_at" in facts,
        start_seconds=int(facts["start_ms"]) / 1000,
        left_seconds=max(0, int(facts["deadline"]) - now) / 1000,
        silent_lanes=tuple(told["silent"]),  # Lua has but one kind of table: an empty list comes as an object
        refusal=facts.get("refusal", ""),
        told=tuple(event for event in ("started", "finished") if f"told:{event}" in facts),
        **({"tests_kept": told.get("kept")} | whole),
    )


def _time(milliseconds: str | None) -> datetime | None:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC) if milliseconds else None
