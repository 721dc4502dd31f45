"""Threads of the operating system, also where gevent has put greenlets in their place.

Below gevent's monkey-patching a `threading` thread is a greenlet, and one blocking read in it freezes every request
of the process. What is here is never patched; a mailbox lets a greenlet wait for what such a thread puts in.
"""

import _queue
import _thread
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")

Empty = _queue.Empty
Queue = _queue.SimpleQueue
"""Not patched by gevent, which replaces the names in `queue` only."""


class Mailbox(Protocol[T]):
    """What the thread (or greenlet) that made it gets from others."""

    def put(self, item: T, /) -> None:
        """Put something in, from any thread."""

    def get(self, block: bool = True, timeout: float | None = None) -> T:  # noqa: FBT001, FBT002 (queue's signature)
        """Return the next thing; raise Empty after `timeout` seconds."""


def make_mailbox() -> Mailbox[Any]:
    """Return a mailbox of the calling thread or greenlet."""
    return _GreenletMailbox() if _monkey() else Queue()


def start_thread(main: Callable[[], None]) -> int:
    """Start a thread that nobody joins, not even the interpreter at its exit, and return its identity."""
    ident: int = _original("start_new_thread")(_run_traced, (main,))
    return ident


def _run_traced(main: Callable[[], None]) -> None:
    # `threading` does this for its own: debuggers and coverage follow a thread only where it is done.
    if trace := threading.gettrace():
        sys.settrace(trace)
    main()


def make_lock() -> Any:
    """Return a lock for such threads."""
    return _original("allocate_lock")()


def is_patched() -> bool:
    """Tell whether a `threading` thread is a greenlet here."""
    return bool(_monkey())


def _original(name: str) -> Any:
    monkey = _monkey()
    return monkey.get_original("_thread", name) if monkey else getattr(_thread, name)


def _monkey() -> Any:
    # Asked each time: a preloading server imports the project first and patches afterwards.
    monkey = sys.modules.get("gevent.monkey")
    return monkey if monkey and monkey.is_module_patched("_thread") else None


class _GreenletMailbox(Generic[T]):
    def __init__(self) -> None:
        gevent = sys.modules["gevent"]
        self._items: deque[T] = deque()
        self._event = gevent.event.Event()
        self._wake = gevent.get_hub().loop.async_()  # the one thing in gevent that another thread may touch
        self._wake.start(self._event.set)

    def put(self, item: T, /) -> None:
        self._items.append(item)
        self._wake.send()

    def get(self, block: bool = True, timeout: float | None = None) -> T:  # noqa: ARG002, FBT001, FBT002
        while not self._items:
            self._event.clear()
            if not self._items and not self._event.wait(timeout):
                raise Empty
        return self._items.popleft()

    def __del__(self) -> None:
        self._wake.close()
