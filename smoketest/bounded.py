"""Sends signals where nothing may be held up: in a worker, or to one who asks for a run."""

import logging
import os
import threading
from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connections
from django.dispatch import Signal

logger = logging.getLogger("smoketest")

Event = tuple[Signal, dict[str, Any]]
"""A signal and what is sent with it."""

MOST_SECONDS = 1.0
"""How long the caller waits for the receivers; less than what a test's lease has to spare."""
MOST_WAITING = 1000
"""How many signals wait behind a receiver that does not end."""


def send_bounded(signal: Signal, **facts: Any) -> None:
    """Send one signal, as `send_all` does."""
    send_all([(signal, facts)])


def send_all(events: Sequence[Event]) -> None:
    """Send the signals in their order from a thread of its own, and return when that has ended, or is left behind.

    While one is left behind, what comes waits for it, and the caller waits for nothing.
    """
    wanted = [(signal, facts) for signal, facts in events if signal.has_listeners()]
    if wanted:
        _sender(os.getpid()).send(wanted)


class _Sender:
    """The one thread of this process that sends, when there is something to be sent.

    It ends then: a worker's process forks, which is safe with one thread only.
    """

    def __init__(self) -> None:
        self._waiting: deque[Event] = deque()
        self._lock = threading.Lock()
        self._is_at_work = False

    def send(self, events: Sequence[Event]) -> None:
        with self._lock:
            if self._is_at_work and len(self._waiting) + len(events) > MOST_WAITING:
                logger.warning("%d signals are not sent: a receiver has not ended for too long", len(events))
                return
            self._waiting.extend(events)
            if self._is_at_work:
                return
            self._is_at_work = True
        thread = threading.Thread(target=self._work, name="smoketest-signals", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the process has no thread to spare, or ends
            with self._lock:
                self._waiting.clear()
                self._is_at_work = False
            logger.warning("signals are not sent: %s", error)
            return
        thread.join(MOST_SECONDS)
        if thread.is_alive():
            logger.warning("the receivers of a signal have not ended after %g s; they are left behind", MOST_SECONDS)

    def _work(self) -> None:
        try:
            while event := self._next():
                signal, facts = event
                try:
                    signal.send_robust(sender=None, **facts)
                except BaseException:  # sys.exit(), say: what waits is not to wait for ever
                    logger.exception("a receiver of a signal was to end its thread")
        finally:
            connections.close_all()  # this thread's own

    def _next(self) -> Event | None:
        with self._lock:
            if not self._waiting:
                self._is_at_work = False
                return None
            return self._waiting.popleft()


@cache
def _sender(_process: int) -> _Sender:
    """Return the sender of this process: a forked one has none of its parent's threads."""
    return _Sender()
