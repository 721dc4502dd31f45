"""SmokeTest, the class that every smoke test derives from."""

import asyncio
import inspect
import threading
import time
import unittest
from collections.abc import Awaitable, Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from functools import partial
from typing import Any, ClassVar, Protocol
from weakref import WeakKeyDictionary

from asgiref.sync import async_to_sync

from smoketest.clock import Clock
from smoketest.errors import TestInterrupted, TimeLimitExceeded

current_clock: ContextVar[Clock | None] = ContextVar("smoketest_clock", default=None)
"""The time that the test has which `execute()` runs in this context, guarded; None under another runner."""

added_cleanups: ContextVar[list[Callable[[], object]] | None] = ContextVar("smoketest_cleanups", default=None)
"""What the test that runs in this context has given to `addClassCleanup`; None where its class is set up as a whole."""
_of_threads: WeakKeyDictionary[threading.Thread, list[Callable[[], object]]] = WeakKeyDictionary()
"""The same for the threads that tests have started: each begins with an empty context (before Python 3.14 always)."""

_MARGIN_SECONDS = 0.05
"""So much before its limit what is awaited is cancelled, and the thread stays whole."""

_FIXTURES = ("setUp", "tearDown", "setUpClass", "tearDownClass")


class CaptureOnCommit(Protocol):
    """Django's `TestCase.captureOnCommitCallbacks`."""

    def __call__(self, *, using: str, execute: bool) -> AbstractContextManager[list[Callable[[], object]]]:
        """Return the context."""


class SmokeTest(unittest.TestCase):
    """A `unittest.TestCase` that is safe to run in production.

    Found in the `smoke` module of an installed app and run by the framework, each of its tests is under a
    time limit and inside a transaction that is rolled back, in every configured database.
    `manage.py test` and pytest run it too, rolled back there as well.
    """

    abstract: ClassVar[bool] = False
    """True in the body of a class that is only to be derived from; not inherited."""
    slow: ClassVar[bool] = False
    timeout: ClassVar[float | None] = None
    """Time limit of each test in seconds; None: the setting's."""
    rolled_back: ClassVar[bool] = True
    databases: ClassVar[Collection[str]] = "__all__"
    """Aliases of the databases that the tests may touch."""

    _own_guard: ClassVar[Callable[[Collection[str]], AbstractContextManager[None]]] = staticmethod(
        lambda _databases: nullcontext()
    )
    """The guard of a test that another runner than ours runs; the app's `ready` puts it here."""
    _on_commit: ClassVar["CaptureOnCommit"]
    """Django's own `captureOnCommitCallbacks`; put here as the guard is."""

    @classmethod
    def addClassCleanup(cls, function: Callable[..., object], /, *args: Any, **kwargs: Any) -> None:  # noqa: N802
        """Have it called when the tests of the class have ended; by a test of a class without fixtures, with that test.

        The class' own list is shared by tests that run side by side.
        """
        added = _added_here()
        if added is None:
            super().addClassCleanup(_call_cleanup, function, *args, **kwargs)
        else:
            added.append(partial(_call_cleanup, function, *args, **kwargs))

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse fixtures that would never run."""
        super().__init_subclass__(**kwargs)
        for name in _FIXTURES:
            check_fixture(getattr(cls, name))

    @classmethod
    def captureOnCommitCallbacks(  # noqa: N802 (Django's name)
        cls, *, using: str = "default", execute: bool = False
    ) -> AbstractContextManager[list[Callable[[], object]]]:
        """Return a context that gives the `on_commit` callbacks registered inside, as Django's TestCase does.

        They never run otherwise, since nothing is committed; `execute` runs them when the context ends.
        """
        return cls._on_commit(using=using, execute=execute)

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Run the test, rolled back whoever runs it."""
        method = getattr(self, self._testMethodName)
        if current_clock.get() or not getattr(method, "rolled_back", self.rolled_back):
            return super().run(result)
        with type(self)._own_guard(self.databases):  # noqa: SLF001 (its own class)
            return super().run(result)

    # unittest's own hooks (IsolatedAsyncioTestCase uses them too): a KeyboardInterrupt that a test raises is that
    # test's, and its tearDown and cleanups are still due. Under another runner it stays what it is.

    def _callSetUp(self) -> None:  # noqa: N802
        try:
            super()._callSetUp()  # type: ignore[misc]
        except KeyboardInterrupt as interrupt:
            _take(interrupt)

    def _callTestMethod(self, method: Callable[[], object]) -> None:  # noqa: N802
        try:
            _finish(method())
        except KeyboardInterrupt as interrupt:
            _take(interrupt)

    def _callTearDown(self) -> None:  # noqa: N802
        try:
            super()._callTearDown()  # type: ignore[misc]
        except KeyboardInterrupt as interrupt:
            _take(interrupt)

    def _callCleanup(self, function: Callable[..., object], /, *args: Any, **kwargs: Any) -> None:  # noqa: N802
        try:
            super()._callCleanup(_call_cleanup, function, *args, **kwargs)  # type: ignore[misc]
        except KeyboardInterrupt as interrupt:
            _take(interrupt)


def check_fixture(fixture: Callable[..., object]) -> None:
    """Raise TypeError for a fixture of which nothing would run when it is called, as unittest does."""
    plain = inspect.unwrap(fixture)
    if inspect.iscoroutinefunction(plain):
        message = f"{fixture.__qualname__} is async and would never be awaited; make it a plain function"
        raise TypeError(message)
    if inspect.isgeneratorfunction(plain) or inspect.isasyncgenfunction(plain):
        message = f"{fixture.__qualname__} has a `yield` in it and would never run; make it a plain function"
        raise TypeError(message)


def share_cleanups(thread: threading.Thread) -> None:
    """Let what `thread` gives to `addClassCleanup` be of the test that is about to start it here, if one is."""
    added = _added_here()
    if added is not None:
        _of_threads[thread] = added


def _added_here() -> list[Callable[[], object]] | None:
    added = added_cleanups.get()
    return _of_threads.get(threading.current_thread()) if added is None else added


def _finish(returned: object) -> None:
    """Let nothing that a test method returns be taken for a test that ran: what is awaitable is awaited."""
    if returned is None:
        return
    if inspect.isawaitable(returned):
        async_to_sync(_wait)(returned)
    else:
        message = f"the test returned {type(returned).__name__} instead of doing its work; is there a `yield` in it?"
        raise TypeError(message)


def _call_cleanup(function: Callable[..., object], /, *args: Any, **kwargs: Any) -> None:
    returned = function(*args, **kwargs)
    if inspect.isawaitable(returned):
        async_to_sync(_wait)(returned)


async def _wait(awaitable: Awaitable[object]) -> None:
    clock = current_clock.get()
    left = clock.deadline - time.monotonic() - _MARGIN_SECONDS if clock else None
    limit = asyncio.timeout(left)
    cause = None
    try:
        async with limit:
            await awaitable
    except TimeoutError as error:
        if not limit.expired():
            raise
        cause = error
    if limit.expired():  # also where the test has swallowed what it got for it
        message = "timed out in what it awaits"
        raise TimeLimitExceeded(message) from cause


def _take(interrupt: KeyboardInterrupt) -> None:
    if current_clock.get():
        raise TestInterrupted from interrupt
    raise interrupt
