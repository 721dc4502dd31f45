"""A worker's presence: it renews its lease, and one worker of a kind looks after the runs that are under way."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle, islice

from smoketest.conf import Conf
from smoketest.errors import QueueUnavailableError, UnknownRunError
from smoketest.facts import Run
from smoketest.queue.dispatch import Message, publish
from smoketest.queue.herald import events_untold, herald
from smoketest.queue.main import Main, ShardName, machine
from smoketest.queue.settle import QueueWatch, settle
from smoketest.record.eviction import eviction_policy
from smoketest.record.redis import RedisStore, open_store
from smoketest.record.values import IdleLane
from smoketest.record.watch import Watch, open_watch
from smoketest.record.workers import BEAT_SECONDS, LEASE_SECONDS, Roll, Worker, alive, open_roll

logger = logging.getLogger("smoketest")

_ABSENCE_SECONDS = 24.0
"""How long nothing is heard of a worker until it is taken for dead. For almost as long its processes try to tell a
Redis that they don't reach what has ended."""
_ALARM_SECONDS = 2.0
"""How long, after a process of the pool was lost, the next look is not put off."""
_ALARMED_BEAT_SECONDS = 0.1
_WATCH_SECONDS = 2 * BEAT_SECONDS
"""How long one worker alone looks after all runs, unless it does so again; then whoever looks first takes over."""
_IDLE_SECONDS = 3.0
"""How long tests wait without anybody at work until another message is sent for them."""
_MOST_ASKED = 100
"""How many workers are sent a message at once, though few of them may work."""


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
        return self._looked_at - self._since.get(worker, self._looked_at) > _ABSENCE_SECONDS - LEASE_SECONDS


class Presence:
    """The thread in a worker's main process that does all this; whatever Redis does, the worker goes on."""

    def __init__(self, main: Main, worker: Worker, settings: Conf, *, queue: str) -> None:
        """Take who the worker is, and the name of the queue of the shards."""
        self._main = main
        self._worker = worker
        self._conf = settings
        self._queue = queue
        self._roll: Roll = open_roll(settings.redis_url)
        self._store: RedisStore = open_store(settings.redis_url)
        self._watch: Watch = open_watch(settings.redis_url)
        self._kind = f"{queue}:{worker.release}"
        """Of workers: those of another queue, project or release can't send what its runs need."""
        self._absences = Absences()
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
        self._attempt(self.look)
        self._attempt(lambda: self._roll.leave(self._worker.id))

    def _live(self) -> None:
        self._attempt(self._warn_of_eviction)
        while not self._has_ended:
            self._attempt(self.look)
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
        policy = eviction_policy(self._conf.redis_url)
        if policy not in ("", "noeviction"):
            logger.warning("Redis may drop runs when its memory is full: its maxmemory-policy is %s", policy)

    def look(self) -> None:
        """Renew the lease, end what has died on this machine, and look after all runs if that is this worker's part."""
        is_stopping = self._main.is_stopping
        self._roll.beat(replace(self._worker, is_stopping=is_stopping))
        seconds = 0 if is_stopping else _WATCH_SECONDS
        is_keeper, ids = self._watch.look(self._kind, self._worker.id, seconds=seconds)
        for run_id in ids:
            for name in self._store.owners(run_id, machine()):
                if ShardName.parse(name).is_dead:
                    self._abandon(run_id, name, "its worker process died while it ran")
        if not is_keeper:
            return
        try:
            self._keep_watch(list(self._open_runs(ids)))
        except Exception:
            self._watch.look(self._kind, self._worker.id, seconds=0)  # another may reach the broker, say
            raise

    def _open_runs(self, ids: Iterable[str]) -> Iterator[Run]:
        queue = QueueWatch(self._conf)
        for run_id in ids:
            try:
                run = settle(self._store.peek(run_id), self._store, self._conf, queue)
                herald(run, self._store, self._conf)
            except UnknownRunError:
                self._watch.close(run_id)
                continue
            except QueueUnavailableError:
                raise
            except Exception:  # another version has recorded it, say: the others' lives don't hang on it
                logger.exception("run %s: nobody can look after it here", run_id)
                continue
            if not run.finished_at:
                yield run
            elif not events_untold(run):  # else it is looked at again: whoever tells of it may die
                self._watch.close(run_id)

    def _keep_watch(self, runs: list[Run]) -> None:
        owners = [
            (run.id, name, ShardName.parse(name).worker_id) for run in runs for name in self._store.owners(run.id)
        ]
        workers = {worker_id for _, _, worker_id in owners}
        self._absences.note(self._roll.present(workers), workers, time.monotonic())
        for run_id, name, worker_id in owners:
            # Of those on this machine it is known whether they live; one that can't beat may run its test all the same.
            if self._absences.are_long(worker_id) and not ShardName.parse(name).is_here:
                why = f"nothing was heard of its worker {worker_id} for {_ABSENCE_SECONDS:g} s while it ran"
                self._abandon(run_id, name, why)
        for run in runs:
            if run.release == self._worker.release:
                self._take_up(run)

    def _abandon(self, run_id: str, shard: str, why: str) -> None:
        logger.warning("run %s: a test is lost: %s", run_id, why)
        left = self._store.abandon(run_id, shard, why)
        if not (left.units and self._worker.takes(left.lane, self._queue)):
            return
        run = self._store.peek(run_id)
        if run.release == self._worker.release:
            # This worker is the nearest; but one that ends sends it to those that stay.
            self._send(run, [Message(lane=left.lane, worker_id="" if self._main.is_stopping else self._worker.id)])

    def _take_up(self, run: Run) -> None:
        """Send messages for tests that nobody works on: those there were got lost, or a wrong worker took them."""
        quiet = self._store.quiet_lanes(run.id)
        if not quiet:
            return
        takers = self._takers(run)
        lanes = [lane for lane in quiet if lane in takers]
        idle = self._store.idle_lanes(run.id, lanes, patience_seconds=_IDLE_SECONDS)
        messages = [
            Message(lane=each.lane, worker_id=one.id) for each in idle for one in _asked(each, takers[each.lane])
        ]
        try:
            self._send(run, messages)
        except QueueUnavailableError:
            self._store.unsend(run.id, [each.lane for each in idle])
            raise

    def _takers(self, run: Run) -> dict[str, list[Worker]]:
        """Return for each lane who can take it, the surest to live first: this worker, then those that beat last."""
        able = [worker for worker in alive(self._roll.workers()) if worker.release == run.release]
        able.sort(key=lambda worker: (worker.id == self._worker.id, worker.left_seconds), reverse=True)
        takers = defaultdict(list)
        for worker in able:
            for lane in ("", worker.host):
                if worker.takes(lane, self._queue):
                    takers[lane].append(worker)
        return takers

    def _send(self, run: Run, messages: list[Message]) -> None:
        if messages:
            publish(run.id, messages, run_seconds=run.left_seconds, conf=self._conf)


def _asked(idle: IdleLane, takers: Sequence[Worker]) -> Iterable[Worker]:
    """Return whom to send a message: as many as may work there, or all where that was in vain, since those are busy."""
    most = min(len(takers), _MOST_ASKED) if idle.sent else 0
    return islice(cycle(takers), max(idle.shards, most))
