"""Ends what waits in vain, with what the queue and the workers looked like."""

from collections.abc import Sequence
from functools import cached_property

from smoketest.conf import Conf
from smoketest.facts import Run
from smoketest.queue.dispatch import QueueLook, look
from smoketest.queue.herald import herald
from smoketest.record.redis import RedisStore
from smoketest.record.workers import Worker, alive, open_roll


class QueueWatch:
    """Looks at the queue once, if at all: with a broker that does not answer each look takes a second."""

    def __init__(self, conf: Conf) -> None:
        """Take which queue it is."""
        self._conf = conf

    @cached_property
    def seen(self) -> QueueLook:
        """What the queue looked like."""
        return look(self._conf)


def settle(run: Run, store: RedisStore, conf: Conf, queue: QueueWatch) -> Run:
    """Let the tests be lost that no worker took in time, and return the run as it stands then."""
    if not run.silent_lanes:
        return run
    workers = alive(open_roll(conf.redis_url).workers())
    for lane in run.silent_lanes:
        store.give_up(run.id, lane, why_lost(run, lane, workers, queue.seen))
    settled = store.peek(run.id)
    herald(settled, store, conf)
    return settled


def why_lost(run: Run, lane: str, workers: Sequence[Worker], queue: QueueLook) -> str:
    """Tell why nobody took the tests of a lane, as far as can be seen."""
    there = [worker for worker in workers if worker.takes(lane, queue.name)]
    right = [worker for worker in there if worker.release == run.release]
    reasons = [f"no worker{f' on {lane}' if lane else ''} took it within {run.start_seconds:g} s"]
    if run.refusal:
        reasons.append(run.refusal)
    reasons.append(_who_lives(there, right, lane or f"the queue {queue.name}"))
    if queue.messages is not None and not lane:
        reasons.append(f"messages that wait in that queue: {queue.messages}")
    return "; ".join(reasons)


_MOST_NAMED = 5


def _who_lives(there: Sequence[Worker], right: Sequence[Worker], where: str) -> str:
    if not there:
        return f"no worker of {where} is alive"
    named = ", ".join(worker.node for worker in there[:_MOST_NAMED])
    more = f" and {len(there) - _MOST_NAMED} more" if len(there) > _MOST_NAMED else ""
    told = f"workers of {where} that are alive: {named}{more}"
    return told if right else f"{told}, none of this release"
