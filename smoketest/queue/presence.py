"""A worker's presence: it renews its lease, and looks after the runs that are under way."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from smoketest.conf import Conf
from smoketest.errors import QueueUnavailableError, UnknownRunError
from smoketest.queue.dispatch import Message, publish
from smoketest.queue.herald import herald
from smoketest.queue.main import Main, ShardName
from smoketest.queue.settle import settle
from smoketest.record.redis import RedisStore, open_store
from smoketest.record.workers import BEAT_SECONDS, LEASE_SECONDS, Roll, Worker, open_roll
from smoketest.results import Run

logger = logging.getLogger("smoketest")

_ALARM_SECONDS = 2.0
"""How long, after a process of the pool was lost, the next look is not put off."""
_ALARMED_BEAT_SECONDS = 0.1
_IDLE_SECONDS = 3.0
"""How long tests wait without anybody at work until another message is sent for them."""


@dataclass(slots=True)
class Absences:
    """Since when each worker is missing, as long as there was contact with Redis all the time.

    After a while without it (Redis was frozen, say) all leases have run out at once, and all may yet come back.
    """

    _since: dict[str, float] = field(default_factory=dict)
    _looked_at: float = 0.0

    def note(self, present: Iterable[str], owners: Iterable[str], now: float) -> None:
        """Take who is present, and whose tests are under way."""
        if now - self._looked_at > LEASE_SECONDS:
            self._since.clear()
        self._looked_at = now
        missing = set(owners) - set(present)
        self._since = {worker: self._since.get(worker, now) for worker in missing}

    def are_long(self, worker: str) -> bool:
        """Tell whether a worker would have come back by now."""
        return self._looked_at - self._since.get(worker, self._looked_at) > LEASE_SECONDS


class Presence:
    """The thread in a worker's main process that does all this; whatever Redis does, the worker goes on."""

    def __init__(self, main: Main, worker: Worker, settings: Conf, *, serves_queue: bool) -> None:
        """Take who the worker is; `serves_queue`: it takes shards at all."""
        self._main = main
        self._worker = worker
        self._conf = settings
        self._serves_queue = serves_queue
        self._roll: Roll = open_roll(settings.redis_url)
        self._store: RedisStore = open_store(settings.redis_url)
        self._absences = Absences()
        self._finished: set[str] = set()
        self._awake = threading.Event()
        self._alarmed_until = 0.0
        self._has_ended = False

    def start(self) -> None:
        """Begin to beat."""
        threading.Thread(target=self._live, name="smoketest-presence", daemon=True).start()

    def alarm(self) -> None:
        """Look now: a process of the pool was lost."""
        self._alarmed_until = time.monotonic() + _ALARM_SECONDS
        self._awake.set()

    def end(self) -> None:
        """Look for the last time, and say goodbye."""
        self._has_ended = True
        self._attempt(self._look_after_runs)
        self._attempt(lambda: self._roll.leave(self._worker.id))

    def _live(self) -> None:
        self._attempt(self._warn_of_eviction)
        while not self._has_ended:
            self._attempt(self._look_after_runs)
            is_alarmed = time.monotonic() < self._alarmed_until
            self._awake.wait(_ALARMED_BEAT_SECONDS if is_alarmed else BEAT_SECONDS)
            self._awake.clear()

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except QueueUnavailableError as error:
            logger.debug("presence: %s", error)
        except Exception:  # the next look may do better, and production's worker goes on in any case
            logger.exception("presence: a look after the runs failed")

    def _warn_of_eviction(self) -> None:
        policy = self._store.eviction_policy()
        if policy not in ("", "noeviction"):
            logger.warning("Redis may drop runs when its memory is full: its maxmemory-policy is %s", policy)

    def _look_after_runs(self) -> None:
        self._roll.beat(replace(self._worker, is_stopping=self._main.is_stopping))
        runs = list(self._open_runs())
        owners = {ShardName.parse(name).worker_id for run in runs for name in run.owners}
        self._absences.note(self._roll.present(owners), owners, time.monotonic())
        for run in runs:
            self._end_what_is_dead(run)
            if self._is_of_release(run) and not self._main.is_stopping:
                self._take_up(run)

    def _open_runs(self) -> Iterable[Run]:
        ids = self._store.recent_ids()
        self._finished &= set(ids)
        for run_id in ids:
            if run_id in self._finished:
                continue
            try:
                run = settle(self._store.peek(run_id), self._store, self._conf)
            except UnknownRunError:
                self._finished.add(run_id)
                continue
            herald(run, self._store, self._conf)
            if run.finished_at:
                self._finished.add(run_id)
            else:
                yield run

    def _end_what_is_dead(self, run: Run) -> None:
        for name in run.owners:
            shard = ShardName.parse(name)
            if shard.is_dead:
                self._abandon(run, name, "its worker process died while it ran")
            elif self._absences.are_long(shard.worker_id):
                self._abandon(run, name, f"its worker {shard.worker_id} died while it ran")

    def _abandon(self, run: Run, shard: str, why: str) -> None:
        logger.warning("run %s: a test is lost: %s", run.id, why)
        left = self._store.abandon(run.id, shard, why)
        if left.units and self._is_of_release(run):
            self._send(run, [left.lane])

    def _take_up(self, run: Run) -> None:
        """Send a message for tests that nobody works on: the one there was got lost, or a wrong worker took it."""
        lanes = ["", self._worker.host]
        self._send(run, self._store.idle_lanes(run.id, lanes, patience_seconds=_IDLE_SECONDS))

    def _is_of_release(self, run: Run) -> bool:
        return self._serves_queue and run.release == self._worker.release

    def _send(self, run: Run, lanes: list[str]) -> None:
        # To this worker itself, which is of the right release and host; but from one that ends to those that stay.
        worker_id = "" if self._main.is_stopping else self._worker.id
        messages = [Message(lane=lane, worker_id=worker_id) for lane in lanes]
        if messages:
            publish(run.id, messages, run_seconds=run.left_seconds, conf=self._conf)
