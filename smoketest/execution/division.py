"""One run over lanes: what waits, what is at work, what has ended."""

import math
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from smoketest.execution import native
from smoketest.execution.jobs import Ended, Fate, Job
from smoketest.execution.lane import Lane

R = TypeVar("R")

_HELD_UP_SECONDS = 0.002
"""A job that takes longer waits for something, or is long enough for another lane to be worth its while."""


class Home(Protocol):
    """Where the lanes come from and go to."""

    def refusal(self, key: str) -> Ended[Any] | None:
        """Return why a job is not to be begun now, or nothing."""

    def free(self, lane: Lane) -> None:
        """Take back a lane that has nothing to do any more."""

    def leave(self, lane: Lane) -> None:
        """Count a lane as lost until its job ends."""


class Division(Generic[R]):
    """How the jobs of one run are divided among lanes, which take them here by themselves."""

    def __init__(self, home: Home, units: Iterable[Sequence[Job[R]]], until: float, concurrency: int) -> None:
        self.mailbox: native.Mailbox[None] = native.make_mailbox()
        self.until = until
        self._home = home
        self._concurrency = concurrency
        self._waiting = deque(deque(unit) for unit in units if unit)
        self._at_work: dict[Lane, deque[Job[R]]] = {}
        self._ended: list[Ended[R]] = []
        self._looks_at = until
        self._lock = native.make_lock()

    def is_over(self) -> bool:
        return not self._at_work and (not self._waiting or time.monotonic() >= self.until)

    def reserve(self) -> deque[Job[R]] | None:
        """Take the next unit, for a lane that is still to be found."""
        with self._lock:
            return self._waiting.popleft() if self._waiting and time.monotonic() < self.until else None

    def put_back(self, unit: deque[Job[R]]) -> None:
        """Let a reserved unit wait again."""
        with self._lock:
            self._waiting.appendleft(unit)

    def lanes_needed(self) -> int:
        """Return how many more are needed: as many as there are, once all those at work are held up.

        Side by side, tests that only compute would but share a core.
        """
        since = time.monotonic() - _HELD_UP_SECONDS
        at_work = list(self._at_work)
        are_held_up = self._has_room() and all(lane.began < since for lane in at_work)
        return max(1, min(len(at_work), self._concurrency - len(at_work))) if are_held_up else 0

    def _has_room(self) -> bool:
        return bool(self._waiting) and len(self._at_work) < self._concurrency

    def has_lane(self) -> bool:
        return bool(self._at_work)

    def next_look(self) -> float:
        """Return when somebody may be overdue; a job that has less time wakes whoever looks then."""
        with self._lock:
            self._looks_at = min((self.until, *(lane.deadline for lane in self._at_work)))
            soon = time.monotonic() + _HELD_UP_SECONDS
            return min(self._looks_at, soon) if self._at_work and self._has_room() else self._looks_at

    def add(self, lane: Lane, unit: deque[Job[R]]) -> None:
        with self._lock:
            self._at_work[lane] = unit
            lane.begin(unit[0], self.until)  # it counts while the thread comes up
        lane.begin_run(self)

    def next_job(self, lane: Lane, ended: Ended[R] | None) -> Job[R] | None:
        """Take how the lane's last job ended; return what it does next, with its deadline set, or None.

        In one step: between two jobs nothing is overdue. Of a job that was left meanwhile the end is nobody's.
        """
        with self._lock:
            if lane not in self._at_work:
                return None
            if ended:
                self._ended.append(ended)
            while time.monotonic() < self.until:
                unit = self._at_work[lane]
                if not unit and self._waiting:
                    unit = self._at_work[lane] = self._waiting.popleft()
                if not unit:
                    break
                job = unit.popleft()
                if not (refused := self._home.refusal(job.key)):
                    lane.begin(job, self.until)
                    self._wake_for(lane)
                    return job._replace(work=job.last) if job.last and self._is_last(unit) else job
                self._ended.append(refused)
            self._finish(lane)
            return None

    def look_at(self, lane: Lane) -> None:
        """Take notice of a deadline that has come nearer."""
        with self._lock:
            self._wake_for(lane)

    def give_up(self) -> None:
        """Leave what is at work and begin nothing more."""
        self.until = -math.inf
        self.leave_overdue(now=math.inf)

    def leave_overdue(self, *, now: float | None = None) -> None:
        with self._lock:
            now = time.monotonic() if now is None else now
            for lane in [lane for lane in self._at_work if lane.deadline <= now]:
                unit = self._at_work.pop(lane)
                if unit and unit[0] is lane.job:
                    unit.popleft()  # the thread has not even come up to take it
                self._ended.append(lane.ended(Fate.LEFT))
                lane.is_left = True
                self._home.leave(lane)
                if unit:
                    self._waiting.appendleft(unit)

    def conclude(self) -> list[Ended[R]]:
        """Return how each job ended, those that were never begun last."""
        rest: list[Ended[R]] = [Ended(key=job.key, fate=Fate.NOT_BEGUN) for unit in self._waiting for job in unit]
        return self._ended + rest

    def _wake_for(self, lane: Lane) -> None:
        if lane.deadline < self._looks_at:
            self.mailbox.put(None)

    def _is_last(self, unit: Iterable[Job[R]]) -> bool:
        return all(self._home.refusal(job.key) for job in unit)

    def _finish(self, lane: Lane) -> None:
        unit = self._at_work.pop(lane)
        if unit:
            self._waiting.appendleft(unit)
        self._home.free(lane)
        self.mailbox.put(None)
