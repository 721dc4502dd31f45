"""The leases of workers in Redis: who is alive, on which host, with which code."""

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from functools import cache

from smoketest.record.clients import Client, open_client
from smoketest.record.scripts import Script
from smoketest.results import pick_known

BEAT_SECONDS = 2.0
"""How often a worker renews its lease."""
LEASE_SECONDS = 6.0
"""How long a worker counts as alive after its last beat."""
GONE_SECONDS = 60.0
"""How long one that did not say goodbye is remembered."""

_KEYS = ["smoketest:{workers}:leases", "smoketest:{workers}:facts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A worker's main process, as it told of itself."""

    id: str
    """Unique among all that ever were."""
    host: str
    node: str
    """Celery's name for it."""
    pid: int
    pool: str
    queues: tuple[str, ...]
    release: str
    is_stopping: bool = False
    """It takes nothing new any more."""
    left_seconds: float = 0.0
    """How much of its lease is left; negative: for how long it has been gone."""

    @property
    def is_alive(self) -> bool:
        return self.left_seconds > 0

    def takes(self, lane: str, queue: str) -> bool:
        """Tell whether it gets what is sent for a lane: that of its host in any case, the one for all by the queue."""
        return lane == self.host if lane else queue in self.queues


_FIELDS = frozenset(Worker.__slots__)


@cache
def open_roll(url: str) -> "Roll":
    """Return this process' roll of the workers at `url`."""
    return Roll(open_client(url, timeout_seconds=1.0))


class Roll:
    """Who is there. Every method raises QueueUnavailableError when Redis does not answer."""

    def __init__(self, client: Client) -> None:
        """Take the client of the server."""
        self._client = client
        self._scripts = {name: Script(client, name) for name in ("beat", "present", "workers")}

    def beat(self, worker: Worker) -> None:
        """Renew the worker's lease; that costs the same however many workers there are."""
        facts = json.dumps(asdict(worker))
        self._scripts["beat"](_KEYS, worker.id, facts, int(LEASE_SECONDS * 1000), int(GONE_SECONDS * 1000))

    def present(self, worker_ids: Collection[str]) -> list[str]:
        """Return those of the workers that are alive."""
        present: list[str] = self._scripts["present"](_KEYS[:1], *worker_ids) if worker_ids else []
        return present

    def workers(self) -> list[Worker]:
        """Return all workers: those alive, and those gone not long ago."""
        answer = self._scripts["workers"](_KEYS, int(GONE_SECONDS * 1000))
        return [_worker(facts, left_ms) for facts, left_ms in answer]

    def leave(self, worker_id: str) -> None:
        """Say goodbye: a worker that ends as it should is not missed."""
        with self._client.answering() as server:
            server.hdel(_KEYS[1], worker_id)  # without them it is none; what is left of it goes with the next beat
            server.zrem(_KEYS[0], worker_id)


def alive(workers: Iterable[Worker]) -> list[Worker]:
    """Return those that live and take what comes."""
    return [worker for worker in workers if worker.is_alive and not worker.is_stopping]


def _worker(facts: str, left_ms: str) -> Worker:
    values = pick_known(_FIELDS, json.loads(facts))
    return Worker(**values | {"queues": tuple(values["queues"]), "left_seconds": int(left_ms) / 1000})
