"""Keeps a shard going when its process is told to end along with the whole worker."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from smoketest.queue.main import main_process

TOGETHER_SECONDS = 0.5
"""How far apart a signal to all of a worker arrives at its processes."""
_PAUSE_SECONDS = 0.005


@contextmanager
def left_to_main() -> Iterator[None]:
    """Leave a SIGTERM to the worker's main process if that gets it too: it lets this one hand over.

    By default systemd signals all processes of a service, and some init programs a whole process group. What a
    process of the pool gets alone, from Celery say, ends it as ever.
    """
    is_of_pool = os.getpid() != main_process().pid and threading.current_thread() is threading.main_thread()
    if not is_of_pool:
        yield
        return
    before = signal.getsignal(signal.SIGTERM)

    def heed(number: int, _frame: FrameType | None) -> None:
        until = time.monotonic() + TOGETHER_SECONDS
        while not (is_of_all := main_process().was_stopped_within(TOGETHER_SECONDS)) and time.monotonic() < until:
            time.sleep(_PAUSE_SECONDS)
        if not is_of_all:
            signal.signal(number, before)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, heed)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
