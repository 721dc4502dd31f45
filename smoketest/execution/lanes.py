"""Threads that can be left: jobs run one after another in a lane, each until its deadline."""

import contextvars
import math
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from smoketest.execution import native
from smoketest.execution.jobs import Ended, Fate, Job, Session
from smoketest.execution.whereabouts import kernel_view

R = TypeVar("R")

_HELD_UP_SECONDS = 0.002
"""A job that takes longer waits for something, or is long enough for another lane to be worth its while."""


class Lanes:
    """The lanes of one process.

    A job that passed its deadline stays in its lane, which is lost to others until the job ends; while it hangs,
    later runs don't begin the same job again, but for a retry now and then: what hung once may hang for ever
    although its cause is mended.
    """

    def __init__(
        self,
        open_session: Callable[[], Session],
        *,
        idle_seconds: float = 30.0,
        retry_seconds: float = 300.0,
        most_left: int = 16,
        most_left_each: int = 2,
    ) -> None:
        """Take what each lane opens in its thread, once."""
        self._open_session = open_session
        self._idle_seconds = idle_seconds
        self._retry_seconds = retry_seconds
        self._most_left = most_left
        self._most_left_each = most_left_each
        self._lock = native.make_lock()
        self._idle: list[_Lane] = []
        self._busy = 0
        self._left: dict[str, list[_Lane]] = {}
        self._wanted: deque[native.Mailbox[None]] = deque()

    def run(self, units: Sequence[Sequence[Job[R]]], *, until: float, concurrency: int) -> list[Ended[R]]:
        """Run each unit's jobs in order in one lane; return how each job ended.

        At most `concurrency` lanes of the process are at work, whoever else runs. By `until`, a point of
        `time.monotonic()`, every job has ended, is left, or will not begin any more.
        """
        run = _Run(self, units, until, concurrency)
        try:
            while not run.is_over():
                for _ in range(run.lanes_needed()):
                    self._supply(run, concurrency)
                with suppress(native.Empty):
                    run.mailbox.get(timeout=max(0.0, run.next_look() - time.monotonic()))
                run.leave_overdue()
        finally:
            run.give_up()  # nothing is left to do, but where somebody interrupts whoever looks after it
            self._unwant(run.mailbox)
        return run.conclude()

    def refusal(self, key: str) -> Ended[Any] | None:
        """Return why a job is not to be begun now, or nothing."""
        with self._lock:
            left = self._left.get(key, [])
            are_enough = len(left) >= self._most_left_each
            if left and (are_enough or time.monotonic() - left[-1].began < self._retry_seconds):
                return left[0].ended(Fate.STILL_LEFT)
            if sum(map(len, self._left.values())) >= self._most_left:
                return Ended(key=key, fate=Fate.SATURATED)
            return None

    def free(self, lane: "_Lane") -> None:
        """Take back a lane that has nothing to do any more."""
        with self._lock:
            self._busy -= 1
            self._idle.append(lane)
            self._wake_waiting()

    def leave(self, lane: "_Lane") -> None:
        """Count a lane as lost until its job ends, and free what that job holds."""
        with self._lock:
            self._busy -= 1
            self._left.setdefault(lane.job.key, []).append(lane)
            self._wake_waiting()
        native.start_thread(lane.abandon)

    def returned(self, lane: "_Lane") -> None:
        """Forget a lane that was left and whose job has ended."""
        with self._lock:
            left = self._left.get(lane.job.key, [])
            if lane in left:
                left.remove(lane)
            if not left:
                self._left.pop(lane.job.key, None)

    def retire(self, lane: "_Lane") -> bool:
        """Let an idle lane end; tell whether it may."""
        with self._lock:
            if lane not in self._idle:
                return False
            self._idle.remove(lane)
            return True

    def _supply(self, run: "_Run[Any]", concurrency: int) -> None:
        """Give the run one more lane if one is free, or stand in line for its first."""
        unit = run.reserve()
        if not unit:
            return
        with self._lock:
            is_free = self._busy < concurrency
            if is_free:
                self._busy += 1
            elif not run.has_lane() and run.mailbox not in self._wanted:
                self._wanted.append(run.mailbox)
            lane = self._idle.pop() if is_free and self._idle else None
        if not is_free:
            run.put_back(unit)
            return
        try:
            run.add(lane or _Lane(self, self._open_session, self._idle_seconds), unit)
        except RuntimeError:  # the system has no thread to give
            with self._lock:
                self._busy -= 1
            raise

    def _unwant(self, mailbox: native.Mailbox[None]) -> None:
        with self._lock, suppress(ValueError):
            self._wanted.remove(mailbox)

    def _wake_waiting(self) -> None:
        while self._wanted:
            self._wanted.popleft().put(None)


class _Run(Generic[R]):
    """One run: what waits, what is at work, what has ended. The lanes take their jobs here by themselves."""

    def __init__(self, lanes: Lanes, units: Iterable[Sequence[Job[R]]], until: float, concurrency: int) -> None:
        self.mailbox: native.Mailbox[None] = native.make_mailbox()
        self.until = until
        self._lanes = lanes
        self._concurrency = concurrency
        self._waiting = deque(deque(unit) for unit in units if unit)
        self._at_work: dict[_Lane, deque[Job[R]]] = {}
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

    def add(self, lane: "_Lane", unit: deque[Job[R]]) -> None:
        with self._lock:
            self._at_work[lane] = unit
            lane.begin(unit[0], self.until)  # it counts while the thread comes up
        lane.begin_run(self)

    def next_job(self, lane: "_Lane", ended: Ended[R] | None) -> Job[R] | None:
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
                if not (refused := self._lanes.refusal(job.key)):
                    lane.begin(job, self.until)
                    if lane.deadline < self._looks_at:
                        self.mailbox.put(None)
                    return replace(job, work=job.last) if job.last and self._is_last(unit) else job
                self._ended.append(refused)
            self._finish(lane)
            return None

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
                self._lanes.leave(lane)
                if unit:
                    self._waiting.appendleft(unit)

    def conclude(self) -> list[Ended[R]]:
        """Return how each job ended, those that were never begun last."""
        rest: list[Ended[R]] = [Ended(key=job.key, fate=Fate.NOT_BEGUN) for unit in self._waiting for job in unit]
        return self._ended + rest

    def _is_last(self, unit: Iterable[Job[R]]) -> bool:
        return all(self._lanes.refusal(job.key) for job in unit)

    def _finish(self, lane: "_Lane") -> None:
        unit = self._at_work.pop(lane)
        if unit:
            self._waiting.appendleft(unit)
        self._lanes.free(lane)
        self.mailbox.put(None)


class _Lane:
    """One thread; native and never joined, so that a hung job can't hold up a server's shutdown."""

    job: Job[Any]

    def __init__(self, lanes: Lanes, open_session: Callable[[], Session], idle_seconds: float) -> None:
        self.deadline = float("inf")
        self.began = 0.0
        self._lanes = lanes
        self._open_session = open_session
        self._idle_seconds = idle_seconds
        self._session: Session | None = None
        self._failure = ""
        self._native_id = 0
        self._runs: native.Queue[_Run[Any]] = native.Queue()
        self.is_left = False
        self._ident = native.start_thread(self._main)

    def begin_run(self, run: _Run[Any]) -> None:
        self._runs.put(run)

    def begin(self, job: Job[Any], until: float) -> None:
        self.job = job
        self.began = time.monotonic()
        self.deadline = min(self.began + job.seconds, until)
        self._until = until

    def pause(self) -> None:
        self._left_seconds = self.deadline - time.monotonic()
        self.deadline = self._until

    def resume(self) -> None:
        self.deadline = min(time.monotonic() + self._left_seconds, self._until)

    def ended(self, fate: Fate) -> Ended[Any]:
        """Tell of the job that hangs."""
        seconds = time.monotonic() - self.began
        since_at = datetime.now(UTC) - timedelta(seconds=seconds)
        return Ended(key=self.job.key, fate=fate, seconds=seconds, since_at=since_at, stack=self._stack())

    def abandon(self) -> None:
        """Free what the job holds; runs in a thread of its own, since that may take a while."""
        if self._session:
            self._session.abandon()

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._ident)  # noqa: SLF001 (the documented way to another thread's stack)
        return "".join(traceback.format_stack(frame)) + kernel_view(self._native_id) if frame else ""

    def _main(self) -> None:
        self._native_id = threading.get_native_id()
        try:
            self._session = self._open_session()
        except Exception:  # noqa: BLE001 (a backend may raise anything; its words are the answer to each job)
            self._failure = traceback.format_exc()
        while run := self._next_run():
            ended = None
            while job := run.next_job(self, ended):
                ended = self._do(job)
        self._lanes.returned(self)
        if self._session:
            self._session.close()

    def _do(self, job: Job[Any]) -> Ended[Any]:
        if not self._session:
            return Ended(key=job.key, fate=Fate.BROKEN, stack=self._failure)
        # A context of its own: what a job sets (language, time zone ...) is not there for the next.
        try:
            value = contextvars.Context().run(job.work, self._session, self)
        except BaseException:  # noqa: BLE001 (it must not; a lane that died of it would be taken for ever)
            return Ended(key=job.key, fate=Fate.RAISED, stack=traceback.format_exc())
        return Ended(key=job.key, fate=Fate.ANSWERED, value=value, seconds=time.monotonic() - self.began)

    def _next_run(self) -> _Run[Any] | None:
        """Return the next run to work for, or None when it is time to end."""
        while not self.is_left:
            try:
                return self._runs.get(timeout=self._idle_seconds)
            except native.Empty:
                if self._lanes.retire(self):
                    return None
        return None
