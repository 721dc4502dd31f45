"""What must not happen side by side in one process: tests take turns."""

import os
import time

from smoketest.clock import Clock
from smoketest.execution import native

_SLICE_SECONDS = 0.2


class Turns:
    """A turn that one thread of the process has at a time; waiting for it does not count against a test."""

    def __init__(self) -> None:
        """Begin with nobody's turn."""
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # a forked process has none of its parent's threads

    def _begin(self) -> None:
        self._lock = native.make_lock()
        self._holders: dict[object, bool] = {}
        """One at most."""

    def take(self, taker: object, clock: Clock) -> bool:
        """Wait for the turn, time that does not count; tell whether it came before the run's own end."""
        if taker in self._holders:
            return True
        if not self._lock.acquire(blocking=False):
            clock.pause()
            try:
                if not self._wait(clock):
                    return False
            finally:
                clock.resume()
        self._holders[taker] = True
        return True

    def _wait(self, clock: Clock) -> bool:
        while (left := clock.deadline - time.monotonic()) > 0:
            if self._lock.acquire(timeout=min(left, _SLICE_SECONDS)):
                return True
        return False

    def give_back(self, holder: object) -> None:
        """Let the next one write; nothing happens unless it is the holder's turn."""
        if self._holders.pop(holder, False):  # in one step: the holder and whoever gives it up may meet here
            self._lock.release()
