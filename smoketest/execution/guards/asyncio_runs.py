"""The thread in which asgiref runs the sync code of every `asyncio.run`: a guarded test gets one of its own."""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from functools import cache, partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from asgiref.sync import SyncToAsync
from django.db import connections

from smoketest.execution.leftovers import Leftovers, of_context, of_thread
from smoketest.execution.loops import fulfil

T = TypeVar("T")

_CLOSE_SECONDS = 0.2
"""So long a test that has ended waits until the connections of its thread are closed."""

_own: WeakKeyDictionary[Leftovers, Executor] = WeakKeyDictionary()


@cache
def keep_apart() -> None:
    """Let no guarded test work in the thread that all share; once and for good.

    Connections that production, or a test that may commit, has opened there are open still, and nobody watches them.
    """
    SyncToAsync.single_thread_executor = _Apart(SyncToAsync.single_thread_executor)  # type: ignore[assignment]


class _Apart(Executor):
    def __init__(self, shared: Executor) -> None:
        self._shared = shared

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        leftovers = of_context() or of_thread()
        executor = _own_of(leftovers) if leftovers and leftovers.is_guarded else self._shared
        return executor.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 (its signature)
        self._shared.shutdown(wait, cancel_futures=cancel_futures)


class _OneThread(Executor):
    """Does all in one thread that nobody joins: the interpreter waits for those of `concurrent.futures` at its exit."""

    def __init__(self) -> None:
        # Asked for by its module: a server may have imported this before it put greenlets in the place of threads.
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_shut = False
        threading.Thread(target=self._work, name="smoketest-asyncio", daemon=True).start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        future: Future[T] = Future()
        with self._lock:  # what is put in last would never be done
            if self._is_shut:
                message = "the test that this thread belongs to has ended"
                raise RuntimeError(message)
            self._calls.put(partial(fulfil, future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 (its signature)
        with self._lock:
            self._is_shut = True
            self._calls.put(None)

    def _work(self) -> None:
        while call := self._calls.get():
            call()


def _own_of(leftovers: Leftovers) -> Executor:
    if leftovers not in _own:
        executor = _own[leftovers] = _OneThread()
        leftovers.mend_by(partial(_end, executor))
    return _own[leftovers]


def _end(executor: Executor) -> None:
    closed = executor.submit(connections.close_all)
    executor.shutdown(wait=False)
    wait([closed], timeout=_CLOSE_SECONDS)
