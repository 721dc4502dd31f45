"""SmokeTest, the class that every smoke test derives from."""

import inspect
import unittest
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any, ClassVar

from asgiref.sync import async_to_sync

from smoketest.errors import TestInterrupted

is_guarded: ContextVar[bool] = ContextVar("smoketest_is_guarded", default=False)
"""True while `execute()` runs a test, so that the test does not open a guard of its own."""

_FIXTURES = ("setUp", "tearDown", "setUpClass", "tearDownClass")


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

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse fixtures that unittest would call without awaiting them."""
        super().__init_subclass__(**kwargs)
        for name in _FIXTURES:
            if inspect.iscoroutinefunction(inspect.unwrap(getattr(cls, name))):
                message = f"{cls.__qualname__}.{name} is async and would never be awaited; make it a plain method"
                raise TypeError(message)

    def __init__(self, methodName: str = "runTest") -> None:  # noqa: N803 (unittest's name)
        """Make the test of one method; an `async def` is run to its end in an event loop of its own."""
        super().__init__(methodName)
        method = getattr(self, methodName, None)
        if inspect.iscoroutinefunction(method):
            setattr(self, methodName, async_to_sync(method))

    def run(self, result: unittest.TestResult | None = None) -> unittest.TestResult | None:
        """Run the test, rolled back whoever runs it."""
        method = getattr(self, self._testMethodName)
        if is_guarded.get() or not getattr(method, "rolled_back", self.rolled_back):
            return super().run(result)
        with type(self)._own_guard(self.databases):  # noqa: SLF001 (its own class)
            return super().run(result)

    # unittest's own hooks (IsolatedAsyncioTestCase uses them too): a KeyboardInterrupt that a test raises is that
    # test's, and its tearDown and cleanups are still due. Under another runner it stays what it is.

    def _callSetUp(self) -> None:  # noqa: N802
        with _own_interrupts():
            super()._callSetUp()  # type: ignore[misc]

    def _callTestMethod(self, method: Callable[[], object]) -> None:  # noqa: N802
        with _own_interrupts():
            super()._callTestMethod(method)  # type: ignore[misc]

    def _callTearDown(self) -> None:  # noqa: N802
        with _own_interrupts():
            super()._callTearDown()  # type: ignore[misc]

    def _callCleanup(self, function: Callable[..., object], /, *args: Any, **kwargs: Any) -> None:  # noqa: N802
        with _own_interrupts():
            super()._callCleanup(function, *args, **kwargs)  # type: ignore[misc]


@contextmanager
def _own_interrupts() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if not is_guarded.get():
            raise
        raise TestInterrupted from interrupt
