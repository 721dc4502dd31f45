"""What an order for a queued run comes to: its plan, its messages, and which other orders can have the same run."""

import hashlib
import math
from collections.abc import Sequence

from smoketest.errors import QueueUnavailableError, TooManyRunsError
from smoketest.queue.dispatch import Message
from smoketest.record.places import Place
from smoketest.record.workers import LEASE_SECONDS, Worker, alive
from smoketest.results import Plan
from smoketest.suite.hosts import on_each_host
from smoketest.suite.plan import Order


def on_living_hosts(plan: Plan, workers: Sequence[Worker]) -> Plan:
    """Return the plan for each host that has a worker; raises QueueUnavailableError when there is none.

    A host that was there a moment ago and has none now, or one that takes nothing new, is a row of its own.
    """
    hosts = {worker.host for worker in alive(workers)}
    if not hosts:
        message = "no worker is alive, so there is no host to run on; start one"
        raise QueueUnavailableError(message)
    # Of several workers of a host the one that was the last to tell of itself.
    why = {worker.host: _why_not(worker) for worker in sorted(workers, key=lambda each: each.left_seconds)}
    return on_each_host(plan, sorted(hosts), {host: why[host] for host in sorted(why.keys() - hosts)})


def _why_not(worker: Worker) -> str:
    if worker.is_alive:
        return f"{worker.host}'s worker is being shut down; ask again when the next one is there"
    seconds = LEASE_SECONDS - worker.left_seconds
    return f"{worker.host}'s worker was last heard of {seconds:.0f} s ago, and is gone without a goodbye"


def messages_for(plan: Plan, workers: Sequence[Worker], release: str, *, parallel: int) -> list[Message]:
    """Return what is to be sent: a message for each host of the plan, or as many as work side by side."""
    units = plan.units()
    hosts = dict.fromkeys(unit[0].host for unit in units)
    if not any(hosts):
        return [Message()] * min(len(units), parallel)
    # Of two workers on a host the one with the right release.
    of_host = {each.host: each for each in sorted(alive(workers), key=lambda each: each.release == release)}
    return [Message(lane=host, worker_id=of_host[host].id) for host in hosts]


def wanted_by(order: Order, plan: Plan, release: str) -> str:
    """Return what two orders have in common that can have the same run.

    A key names one order. Sent again it may come to a process of another release, whose run it need not be.
    """
    ids = (step.id for step in plan.steps)
    of_key = ("key", order.key, order.words, str(order.only_new), order.release)
    words = of_key if order.key else ("plan", str(order.selection), str(order.only_new), release, *ids)
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]


def require_room(place: Place, *, most: int) -> None:
    """Raise TooManyRunsError where no run can be started now, since `most` were within a minute."""
    if place.full_seconds:
        message = (
            f"{most} runs were started within the last minute, as many as may be "
            f"(SMOKETEST_STARTS_PER_MINUTE); ask again in {math.ceil(place.full_seconds)} s"
        )
        raise TooManyRunsError(message, after_seconds=place.full_seconds)


def require_in_time(place: Place) -> None:
    """Raise QueueUnavailableError where a place was claimed too late, and is nobody's or that of a run before."""
    if place.is_late:
        message = "it took too long to start a run, so none was started; ask again"
        raise QueueUnavailableError(message)
