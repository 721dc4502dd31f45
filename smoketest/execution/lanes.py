"""Threads that can be left: jobs run one after another in a lane, each until its deadline."""

import _thread
import contextvars
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

S = TypeVar("S")
"""What a lane opens once and hands to each of its jobs."""
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True, slots=True)
class Job(Generic[S, R]):
    """Some work and how long it may take; it must not raise."""

    key: str
    work: Callable[[S], R]
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended(Generic[R]):
    """How a job ended: with a value, or left at its deadline, or (neither) never begun."""

    key: str
    value: R | None = None
    is_left: bool = False
    stack: str = ""
    """Where the job was when it was left."""
    seconds: float = 0.0


def run(
    units: Sequence[Sequence[Job[S, R]]],
    *,
    open_session: Callable[[], AbstractContextManager[S]],
    until: float,
    concurrency: int,
) -> Iterator[Ended[R]]:
    """Run each unit's jobs in order in one lane, `concurrency` lanes at a time; yield how each job ended.

    By `until`, a point of `time.monotonic()`, every job has ended, is left, or will not begin any more.
    """
    return _Run(units, open_session, until).run(concurrency)


class _Run(Generic[S, R]):
    def __init__(
        self,
        units: Sequence[Sequence[Job[S, R]]],
        open_session: Callable[[], AbstractContextManager[S]],
        until: float,
    ) -> None:
        self._waiting = deque(deque(unit) for unit in units if unit)
        self._open_session = open_session
        self._until = until
        self._answers: SimpleQueue[tuple[_Lane[S, R], R]] = SimpleQueue()
        self._busy: list[_Lane[S, R]] = []
        self._idle: list[_Lane[S, R]] = []

    def run(self, concurrency: int) -> Iterator[Ended[R]]:
        try:
            while self._waiting or self._busy:
                while self._waiting and len(self._busy) < concurrency and time.monotonic() < self._until:
                    self._start(self._waiting.popleft())
                if not self._busy:
                    break
                yield from self._wait()
            yield from (Ended(key=job.key) for unit in self._waiting for job in unit)
        finally:
            for lane in self._busy + self._idle:
                lane.close()

    def _start(self, unit: deque[Job[S, R]]) -> None:
        lane = self._idle.pop() if self._idle else _Lane(self._open_session, self._answers)
        self._busy.append(lane)
        lane.begin(unit, self._until)

    def _wait(self) -> Iterator[Ended[R]]:
        """Wait for the first answer, or the first deadline."""
        first = min(lane.deadline for lane in self._busy)
        try:
            lane, value = self._answers.get(timeout=max(0.0, first - time.monotonic()))
        except Empty:
            yield from self._leave_overdue()
            return
        if lane not in self._busy:
            return  # it was left before; its answer comes too late
        yield Ended(key=lane.job.key, value=value, seconds=lane.seconds)
        if lane.unit and time.monotonic() < self._until:
            lane.begin(lane.unit, self._until)
            return
        self._busy.remove(lane)
        self._idle.append(lane)
        yield from (Ended(key=job.key) for job in lane.unit)

    def _leave_overdue(self) -> Iterator[Ended[R]]:
        now = time.monotonic()
        for lane in [lane for lane in self._busy if lane.deadline <= now]:
            self._busy.remove(lane)
            lane.close()
            yield Ended(key=lane.job.key, is_left=True, stack=lane.stack(), seconds=lane.seconds)
            if lane.unit:
                self._waiting.appendleft(lane.unit)


class _Lane(Generic[S, R]):
    """One thread; native and never joined, so that a hung job can't hold up a server's shutdown."""

    job: Job[S, R]
    unit: deque[Job[S, R]]
    deadline: float

    def __init__(
        self,
        open_session: Callable[[], AbstractContextManager[S]],
        answers: SimpleQueue[tuple["_Lane[S, R]", R]],
    ) -> None:
        self._open_session = open_session
        self._answers = answers
        self._jobs: SimpleQueue[Job[S, R] | None] = SimpleQueue()
        self._began = time.monotonic()
        self._ident = _thread.start_new_thread(self._main, ())

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def begin(self, unit: deque[Job[S, R]], until: float) -> None:
        """Begin the next job of `unit`; the others stay in `self.unit`."""
        self.job = unit.popleft()
        self.unit = unit
        self._began = time.monotonic()
        self.deadline = min(self._began + self.job.seconds, until)
        self._jobs.put(self.job)

    def close(self) -> None:
        """End the thread as soon as its job ends, now if it has none."""
        self._jobs.put(None)

    def stack(self) -> str:
        frame = sys._current_frames().get(self._ident)  # noqa: SLF001 (the documented way to another thread's stack)
        return "".join(traceback.format_stack(frame)) if frame else ""

    def _main(self) -> None:
        with self._open_session() as session:
            while job := self._jobs.get():
                # A context of its own: what a job sets (language, time zone ...) is not there for the next.
                self._answers.put((self, contextvars.Context().run(job.work, session)))
