"""Event loops of a test in threads that nobody joins."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextvars import Token
from functools import partial
from typing import Any, TypeVar

from asgiref.sync import AsyncSingleThreadContext, AsyncToSync

from smoketest.execution import native

T = TypeVar("T")


class _OwnThreads(Executor):
    """Gives each call a native thread; `concurrent.futures` would have the interpreter wait for it at its exit."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        future: Future[T] = Future()
        native.start_thread(partial(fulfil, future, partial(fn, *args, **kwargs)))
        return future


def fulfil(future: "Future[T]", call: Callable[[], T]) -> None:
    """Do what the future is for, as an executor's thread does."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:  # noqa: BLE001 (it is for whoever waits for the future)
        future.set_exception(error)


_own_threads = AsyncSingleThreadContext()  # type: ignore[no-untyped-call]
AsyncToSync.context_to_thread_executor[_own_threads] = _OwnThreads()  # type: ignore[assignment]


def start_own_loops() -> Token[AsyncSingleThreadContext]:
    """Let `async_to_sync` run its event loops in such threads from now on in this context.

    An `async def` test that blocks would hold up its server's shutdown otherwise. What asgiref has this context for
    is one thread for several loops in a row; ours only takes the place of its executor.
    """
    return AsyncToSync.async_single_thread_context.set(_own_threads)


def stop_own_loops(token: Token[AsyncSingleThreadContext]) -> None:
    """End what `start_own_loops` began."""
    AsyncToSync.async_single_thread_context.reset(token)
