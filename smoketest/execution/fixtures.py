"""The class and module fixtures of the tests that one thread or process runs one after another."""

import sys
import unittest
import unittest.case
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial

from smoketest.cases import SmokeTest, check_fixture
from smoketest.clock import Clock
from smoketest.errors import TestAbandoned
from smoketest.execution import kinship
from smoketest.execution.guards.protocol import Guard
from smoketest.execution.leftovers import Leftovers, start_watch, stop_watch
from smoketest.execution.turns import Turns
from smoketest.results import Step

_turns = Turns()
"""What `setUpClass` sets on a class, and unittest's own list of module cleanups, are the whole process'."""

Note = Callable[[BaseException], None]
"""Takes an exception on behalf of the test that it is charged to."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scope:
    name: str
    is_rolled_back: bool
    tear_downs: tuple[Callable[[], Iterable[BaseException]], ...]
    level: ExitStack
    leftovers: Leftovers
    """What its set-up has begun may last until it is torn down."""
    failure: BaseException | None


class Fixtures:
    """What of `setUpModule` and `setUpClass` stands now.

    A scope is set up before the first test that needs it and torn down after the last, in unittest's order and
    inside a transaction of the guard that spans it. What goes wrong is charged to the test that met it.
    """

    def __init__(self, guard: Guard) -> None:
        """Begin with no scope standing."""
        self._guard = guard
        self._standing: list[_Scope] = []

    def enter(self, step: Step, test_class: type[SmokeTest], clock: Clock, note: Note) -> bool:
        """Let just the scopes of the step stand; tell whether its test can run."""
        if not (self._standing or step.scopes):
            return True
        fitting = 0
        for scope, name in zip(self._standing, step.scopes, strict=False):
            if scope.name != name or scope.is_rolled_back != step.is_rolled_back:
                break
            fitting += 1
        self.leave(fitting, note, clock)
        if step.scopes and not _turns.take(self, clock):
            note(TestAbandoned("the test waited in vain for another one's fixtures to go"))
            return False
        for name in step.scopes[fitting:]:
            if self._failure is None:
                self._standing.append(self._set_up(name, step, test_class, clock, note))
        if self._failure is not None:
            note(self._failure)
        return self._failure is None

    def leave(self, keeps: int, note: Note, clock: Clock) -> None:
        """Tear down all but the `keeps` outermost scopes."""
        while len(self._standing) > keeps:
            scope = self._standing.pop()
            token = start_watch(scope.leftovers)  # also where no test runs any more
            with scope.level, self._freedom(scope.is_rolled_back):
                for tear_down in scope.tear_downs:
                    for error in tear_down():
                        note(error)
            stop_watch(token)
            scope.leftovers.end(clock.deadline)
            scope.leftovers.hand_over()
        if not self._standing:
            _turns.give_back(self)

    def abandon(self) -> None:
        """Give up the turn, from another thread: the test that has it hangs."""
        _turns.give_back(self)

    def _freedom(self, is_rolled_back: bool) -> AbstractContextManager[None]:  # noqa: FBT001 (the one thing that it is about)
        return nullcontext() if is_rolled_back else self._guard.unguarded()

    @property
    def _failure(self) -> BaseException | None:
        return self._standing[-1].failure if self._standing else None

    def _set_up(self, name: str, step: Step, test_class: type[SmokeTest], clock: Clock, note: Note) -> _Scope:
        is_module = name == test_class.__module__
        set_up, tear_down, clean_up = _of_module(name) if is_module else _of_class(test_class)
        level = ExitStack()
        if step.is_rolled_back:
            level.enter_context(self._guard.level("__all__" if is_module else test_class.databases, clock))
        leftovers = Leftovers(is_guarded=step.is_rolled_back)
        token = start_watch(leftovers)
        with self._freedom(step.is_rolled_back):
            failure = next(iter(attempt(set_up)), None)
        stop_watch(token)
        leftovers.hand_over()
        if failure:
            for error in clean_up():
                note(error)
        return _Scope(
            name=name,
            is_rolled_back=step.is_rolled_back,
            tear_downs=() if failure else (lambda: attempt(tear_down), clean_up),
            level=level,
            leftovers=leftovers,
            failure=failure,
        )


_Parts = tuple[Callable[[], object], Callable[[], object], Callable[[], Iterable[BaseException]]]


def _of_module(name: str) -> _Parts:
    module = sys.modules[name]
    nothing = lambda: None  # noqa: E731
    return (
        partial(_call, getattr(module, "setUpModule", nothing)),
        partial(_call, getattr(module, "tearDownModule", nothing)),
        lambda: attempt(unittest.case.doModuleCleanups),
    )


def _call(fixture: Callable[[], object]) -> None:
    check_fixture(fixture)
    fixture()


def _of_class(test_class: type[SmokeTest]) -> _Parts:
    return test_class.setUpClass, test_class.tearDownClass, lambda: _class_cleanups(test_class)


def _class_cleanups(test_class: type[SmokeTest]) -> list[BaseException]:
    """Run what `addClassCleanup` was given; return what they raised."""
    if interrupt := list(attempt(test_class.doClassCleanups)):
        return interrupt
    return [exc_info[1] for exc_info in test_class.tearDown_exceptions]  # type: ignore[attr-defined]


def attempt(call: Callable[[], object]) -> list[BaseException]:
    """Call it and return what it raised, whatever that is."""
    try:
        kinship.call_without_forks(call)
    except BaseException as error:  # noqa: BLE001 (sys.exit() in a fixture is its test's, as in a test)
        return [error]
    return []
