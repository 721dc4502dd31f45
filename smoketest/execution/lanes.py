"""Threads that can be left: jobs run one after another in a lane, each until its deadline."""

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from smoketest.execution import native
from smoketest.execution.division import Division
from smoketest.execution.jobs import Ended, Fate, Job, Session
from smoketest.execution.lane import Lane

R = TypeVar("R")


class Lanes:
    """The lanes of one process.

    A job that passed its deadline stays in its lane, which is lost to others until the job ends; while it hangs,
    later runs don't begin the same job again, but for a retry now and then: what hung once may hang for ever
    although its cause is mended. One whose run has ended before its own time was up does not hang yet.
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
        self._idle: list[Lane] = []
        self._busy = 0
        self._left: dict[str, list[Lane]] = {}
        self._wanted: deque[native.Mailbox[None]] = deque()

    def run(self, units: Sequence[Sequence[Job[R]]], *, until: float, concurrency: int) -> list[Ended[R]]:
        """Run each unit's jobs in order in one lane; return how each job ended.

        At most `concurrency` lanes of the process are at work, whoever else runs. By `until`, a point of
        `time.monotonic()`, every job has ended, is left, or will not begin any more.
        """
        run = Division(self, units, until, concurrency)
        try:
            while not run.is_over():
                for _ in range(run.lanes_needed()):
                    self._supply(run, concurrency)
                with suppress(native.Empty):
                    look_at = min(run.next_look(), self._next_limit_at(run.mailbox))
                    run.mailbox.get(timeout=max(0.0, look_at - time.monotonic()))
                run.leave_overdue()
        finally:
            run.give_up()  # nothing is left to do, but where somebody interrupts whoever looks after it
            self._unwant(run.mailbox)
        return run.conclude()

    def refusal(self, key: str) -> Ended[Any] | None:
        """Return why a job is not to be begun now, or nothing."""
        if not self._left:
            return None
        with self._lock:
            now = time.monotonic()
            hanging = [lane for lane in self._left.get(key, []) if lane.limit_at <= now]
            are_enough = len(hanging) >= self._most_left_each
            if hanging and (are_enough or now - hanging[-1].began < self._retry_seconds):
                return hanging[0].ended(Fate.STILL_LEFT)
            if self._count_hanging(now) >= self._most_left:
                return Ended(key=key, fate=Fate.SATURATED)
            return None

    def free(self, lane: Lane) -> None:
        """Take back a lane that has nothing to do any more."""
        with self._lock:
            self._busy -= 1
            self._idle.append(lane)
            self._wake_waiting()

    def leave(self, lane: Lane) -> None:
        """Count a lane as lost until its job ends, and free what that job holds."""
        with self._lock:
            self._busy -= 1
            self._left.setdefault(lane.job.key, []).append(lane)
            self._wake_waiting()
        native.start_thread(lane.abandon)

    def returned(self, lane: Lane) -> None:
        """Forget a lane that was left and whose job has ended."""
        with self._lock:
            left = self._left.get(lane.job.key, [])
            if lane in left:
                left.remove(lane)
                self._wake_waiting()
            if not left:
                self._left.pop(lane.job.key, None)

    def retire(self, lane: Lane) -> bool:
        """Let an idle lane end; tell whether it may."""
        with self._lock:
            if lane not in self._idle:
                return False
            self._idle.remove(lane)
            return True

    def _supply(self, run: Division[Any], concurrency: int) -> None:
        """Give the run one more lane if one is free, or stand in line for its first."""
        unit = run.reserve()
        if not unit:
            return
        with self._lock:
            is_free = self._busy < concurrency and not self._must_wait()
            if is_free:
                self._busy += 1
            elif not run.has_lane() and run.mailbox not in self._wanted:
                self._wanted.append(run.mailbox)
            lane = self._idle.pop() if is_free and self._idle else None
        if not is_free:
            run.put_back(unit)
            return
        try:
            run.add(lane or Lane(self, self._open_session, self._idle_seconds), unit)
        except RuntimeError:  # the system has no thread to give
            with self._lock:
                self._busy -= 1
            raise

    def _must_wait(self) -> bool:
        """Tell whether too many lanes are left, of which some may yet end in time: those are no reason to refuse."""
        return len(self._limits_left()) >= self._most_left > self._count_hanging(time.monotonic())

    def _count_hanging(self, now: float) -> int:
        return sum(limit_at <= now for limit_at in self._limits_left())

    def _limits_left(self) -> list[float]:
        return [lane.limit_at for left in self._left.values() for lane in left]

    def _next_limit_at(self, mailbox: native.Mailbox[None]) -> float:
        """Return when the next lane that was left counts as hanging, for a run that stands in line."""
        with self._lock:
            if mailbox not in self._wanted:
                return math.inf
            now = time.monotonic()
            return min((limit_at for limit_at in self._limits_left() if limit_at > now), default=math.inf)

    def _unwant(self, mailbox: native.Mailbox[None]) -> None:
        with self._lock, suppress(ValueError):
            self._wanted.remove(mailbox)

    def _wake_waiting(self) -> None:
        while self._wanted:
            self._wanted.popleft().put(None)
