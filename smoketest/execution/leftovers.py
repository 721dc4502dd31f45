"""What a test leaves behind: noted while it runs, told as warnings on its result when it has ended."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar, Token
from functools import cache
from weakref import WeakKeyDictionary

from smoketest.cases import share_cleanups
from smoketest.failures import cut

_GRACE_SECONDS = 0.02
"""A thread that has done its work may need so long to be gone."""
_MOST_NAMED = 5


class Leftovers:
    """What one test, or one fixture, has begun and had better ended."""

    def __init__(self, *, is_guarded: bool = True) -> None:
        """Begin with nothing; `is_guarded` unless the test may write to databases for good."""
        self.is_guarded = is_guarded
        self.is_over = False
        self._threads: list[threading.Thread] = []
        self._mends: list[Callable[[], object]] = []
        self._warnings: list[str] = []
        self._violations: list[str] = []

    def tell(self, warning: str) -> None:
        """Keep a warning, each once."""
        warning = cut(warning)
        if warning not in self._warnings:
            self._warnings.append(warning)

    def accuse(self, violation: str) -> None:
        """Keep what broke a safety rule, each once."""
        if violation not in self._violations:
            self._violations.append(violation)

    def mend_by(self, mend: Callable[[], object]) -> None:
        """Let `mend` be called in the test's own thread when it has ended."""
        self._mends.append(mend)

    def add_thread(self, thread: threading.Thread) -> None:
        """Keep a thread that the test has started."""
        self._threads.append(thread)

    def end(self, deadline: float) -> None:
        """Put right what can be, and tell of the rest; `deadline` is a point of `time.monotonic()`."""
        self.is_over = True
        for mend in self._mends:
            with suppress(Exception):
                mend()
        if self._threads:
            self._tell_threads(min(time.monotonic() + _GRACE_SECONDS, deadline - _GRACE_SECONDS))

    def hand_over(self) -> None:
        """Charge what has been told so far to the test that runs here."""
        if current := of_context():
            for warning in self._warnings:
                current.tell(warning)
            for violation in self._violations:
                current.accuse(violation)
        self._warnings, self._violations = [], []

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(self._warnings)

    @property
    def violations(self) -> list[str]:
        return self._violations

    def _tell_threads(self, until: float) -> None:
        for thread in self._threads:  # never by its own methods, which may do anything
            threading.Thread.join(thread, max(0.0, until - time.monotonic()))
        alive = [name_of(thread) for thread in self._threads if threading.Thread.is_alive(thread)]
        if alive:
            more = f" and {len(alive) - _MOST_NAMED} more" if len(alive) > _MOST_NAMED else ""
            self.tell(f"left running: thread {', '.join(alive[:_MOST_NAMED])}{more}")


def name_of(thread: threading.Thread) -> str:
    """Return the name of a thread, or of its class where that has a `name` of its own which can't be had."""
    try:
        return str(thread.name)
    except Exception:  # noqa: BLE001 (it may do anything)
        return type(thread).__name__


_current: ContextVar[Leftovers | None] = ContextVar("smoketest_leftovers", default=None)
_begun_for: WeakKeyDictionary[threading.Thread, Leftovers] = WeakKeyDictionary()


def start_watch(leftovers: Leftovers | None) -> Token[Leftovers | None]:
    """Charge what this context begins from now on to `leftovers`, or to nobody."""
    _watch_threads()
    return _current.set(leftovers)


def stop_watch(token: Token[Leftovers | None]) -> None:
    """End what `start_watch` began."""
    _current.reset(token)


def of_context() -> Leftovers | None:
    """Return those of the test whose own code runs here: its context is carried into asyncio and asgiref's threads."""
    leftovers = _current.get()
    return leftovers if leftovers and not leftovers.is_over else None


def of_thread() -> Leftovers | None:
    """Return those of the test that started this thread, which may do others' work too if it belongs to a pool."""
    leftovers = _begun_for.get(threading.current_thread())
    return leftovers if leftovers and not leftovers.is_over else None


@cache
def _watch_threads() -> None:
    """Let `Thread.start` look whose code calls it; once and for good, as the streams are replaced in `capture`.

    A new thread begins with an empty context (before Python 3.14 always) and does not know who started it.
    """
    original = threading.Thread.start

    def start(self: threading.Thread) -> None:
        leftovers = of_context() or of_thread()
        if leftovers:
            _begun_for[self] = leftovers
            share_cleanups(self)
        original(self)
        if leftovers:
            leftovers.add_thread(self)  # last: one that could not begin can't be waited for

    threading.Thread.start = start  # type: ignore[method-assign]
