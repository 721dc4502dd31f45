"""The tests that a shard has in hand: taken one by one, or several at once while they are quick."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from smoketest.errors import QueueUnavailableError
from smoketest.record.clients import known_addresses_only
from smoketest.record.redis import RedisStore
from smoketest.record.values import Answer, Assignment, Begun, Shard
from smoketest.results import Result

logger = logging.getLogger("smoketest")

_MOST = 32
"""How many a shard takes at once: so many are lost if its process is killed."""
_QUICK_SECONDS = 0.005
"""What a test takes that is quicker than to ask for the next one."""
_UNTOLD_SECONDS = 0.05
"""How long results are kept back at most, but for a test that takes longer itself: `is_wanted` tells them then."""
_WORTH_HELP_SECONDS = 3.0
"""The limit of a test that others had better not wait for."""


class Hand:
    """What a shard has taken, what of it has ended, and what of that Redis does not know yet."""

    def __init__(
        self, shard: Shard, store: RedisStore, quick_store: RedisStore, call_for_help: Callable[[], None]
    ) -> None:
        """Take the shard, and its store twice: one that waits for Redis, and one that does not.

        `call_for_help`, which must return at once, is called when tests wait behind one that takes long, and nobody
        else is there to run them.
        """
        self.left = 0
        """How many units wait for somebody else."""
        self.has_ended = False
        """Whether the whole run has, as far as is known."""
        self._shard = shard
        self._store = store
        self._quick_store = quick_store
        self._call_for_help = call_for_help
        self._waiting: deque[Assignment] = deque()
        self._running: Assignment | None = None
        self._ended: list[tuple[Assignment, Result]] = []
        self._counted: list[tuple[Assignment, Result]] = []
        self._turn = 0
        self._most = 1
        self._taken_at = 0.0
        self._waited_seconds = 0.0
        """How long the step that runs has waited in the hand."""

    def begin(self, *, most: int, release: str, delivery: str) -> Begun:
        """Tell that the shard begins, with `most` steps at once; raises as the store does, and may be repeated."""
        self._turn += 1
        begun = self._store.begin(self._shard, turn=self._turn, most=most, release=release, delivery=delivery)
        if begun.first:
            self._note(begun.first, most)
            self._quick_store.reach()
        return begun

    def take(self, *, is_stopping: bool) -> Assignment | None:
        """Return the next step to be run; None when there is none any more, or none is to be begun.

        Raises QueueUnavailableError when Redis does not answer; may be repeated then.
        """
        is_due = time.monotonic() - self._taken_at > _UNTOLD_SECONDS
        if not self._waiting or is_stopping or is_due:
            most = 0 if is_stopping else self._wanted()
            self._note(self._step(self._store, most=most), most)
            self._quick_store.reach()  # while a test runs, that may take too long
        self._running = self._waiting.popleft() if self._waiting else None
        self._waited_seconds = time.monotonic() - self._taken_at
        return self._running

    def put(self, result: Result, *, release: str) -> None:
        """Take the result of the step that was taken last, from code of that release."""
        if self._running:
            waited_seconds = self._running.waited_seconds + self._waited_seconds
            self._ended.append((self._running, replace(result, waited_seconds=waited_seconds, release=release)))
        self._running = None

    def counted(self) -> list[tuple[Assignment, Result]]:
        """Return what has been recorded and counts, each once."""
        counted, self._counted = self._counted, []
        return counted

    def is_wanted(self) -> bool:
        """Tell whether the step that runs is still this shard's; Redis is told at once what it does not know yet.

        Yes, where Redis does not answer at once.
        """
        running = self._running
        try:
            with known_addresses_only():
                if not running or not (self._ended or self._waiting):
                    return self._quick_store.owns(self._shard)
                answer = self._step(self._quick_store, running=running.index)
        except QueueUnavailableError:
            return True
        self._note(answer, 1)
        self._waiting.clear()
        if answer.has_room and running.step.timeout_seconds >= _WORTH_HELP_SECONDS:
            self._call_for_help()
        return bool(answer.assignments)

    def _step(self, store: RedisStore, *, running: str = "", most: int = 1) -> Answer:
        self._turn += 1
        return store.step(self._shard, turn=self._turn, ended=self._ended, running=running, most=most)

    def _wanted(self) -> int:
        """Return how many to take: more and more while they are quick, else one, so that others get the rest."""
        durations = [result.duration_seconds for _, result in self._ended]
        are_quick = all(each is not None and each < _QUICK_SECONDS for each in durations)
        return min(_MOST, 2 * self._most) if durations and are_quick else 1

    def _note(self, answer: Answer, most: int) -> None:
        for assignment, result in self._ended:
            if assignment.index in answer.late:
                logger.warning("run %s: %s came late, its result changes nothing", self._shard.run_id, result.id)
            else:
                self._counted.append((assignment, result))
        self._ended = []
        self._waiting = deque(answer.assignments)
        self._most = max(1, most)
        self._taken_at = time.monotonic()
        self.left = answer.left
        self.has_ended = answer.has_ended
