"""Starts a run: records it, claims its place and publishes its messages, or sees to it that nobody meets it."""

from collections.abc import Sequence
from dataclasses import dataclass

from smoketest.conf import Conf
from smoketest.errors import QueueUnavailableError
from smoketest.facts import Run
from smoketest.queue.dispatch import Message, publish
from smoketest.record.calls import Both
from smoketest.record.encoding import new_run
from smoketest.record.ids import make_id
from smoketest.record.places import Place, open_places
from smoketest.record.redis import open_store
from smoketest.record.values import About, Terms
from smoketest.results import Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    """A run as it would be."""

    id: str
    plan: Plan
    wanted: str
    """What nobody else can start a run for while it has the place."""
    bound_seconds: float
    """How long it may take."""
    recorded: Sequence[str]
    """What is recorded of it at first."""


def draft_of(plan: Plan, about: About, wanted: str, conf: Conf) -> Draft:
    """Return a new run of the plan."""
    terms = Terms(start_seconds=conf.start_timeout, keep_seconds=conf.result_seconds, parallel=conf.parallel)
    return Draft(
        id=make_id(),
        plan=plan,
        wanted=wanted,
        bound_seconds=terms.bound_seconds(plan),
        recorded=new_run(plan, about, terms),
    )


def launch(
    draft: Draft, messages: Sequence[Message], seen: Place, conf: Conf, *, baseline: str, is_another: bool
) -> tuple[Run | None, Place]:
    """Start the run where it gets the place that was `seen` before, or any other's where it `is_another` in any case.

    Return it, None where it did not get the place, and who has that. Raises QueueUnavailableError where Redis or the
    broker does not answer; nothing of the run will happen then. But where Redis has taken the order and only its
    answer was lost nobody knows: the run has its place, and workers send for it as for one whose messages got lost.
    """
    store, places = open_store(conf.redis_url), open_places(conf.redis_url)
    creation = store.create_call(draft.id, draft.recorded, baseline=baseline)
    claim = places.claim_call(
        draft.wanted,
        draft.id,
        seen,
        is_another=is_another,
        most=conf.starts_per_minute,
        keep_seconds=max(conf.result_seconds, draft.bound_seconds),
    )
    with Both(creation, claim) as both:

        def has_place() -> bool:
            return both.second().holder == draft.id

        try:
            is_published = publish(draft.id, messages, run_seconds=draft.bound_seconds, conf=conf, may_send=has_place)
        except QueueUnavailableError:
            if has_place():
                store.cancel(draft.id, is_withdrawn=True)  # what may have been sent after all finds nothing to do
                places.withdraw(draft.wanted, draft.id)
            else:
                store.discard(draft.id, draft.plan)
            raise
        run, place = both.first(), both.second()
    if not is_published:
        store.discard(draft.id, draft.plan)
    return run if is_published else None, place
