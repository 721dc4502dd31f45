"""The thread in which asgiref runs the sync code of every `asyncio.run`: a guarded test gets one of its own."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from functools import cache, partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from asgiref.sync import SyncToAsync
from django.db import connections

from smoketest.execution.leftovers import Leftovers, of_context, of_thread

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


def _own_of(leftovers: Leftovers) -> Executor:
    if leftovers not in _own:
        executor = _own[leftovers] = ThreadPoolExecutor(max_workers=1)
        leftovers.mend_by(partial(_end, executor))
    return _own[leftovers]


def _end(executor: Executor) -> None:
    closed = executor.submit(connections.close_all)
    executor.shutdown(wait=False)
    wait([closed], timeout=_CLOSE_SECONDS)
