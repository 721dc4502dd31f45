"""What a thread or process needs to run tests one after another."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace

from django.db import connections

from smoketest.cases import SmokeTest
from smoketest.clock import Clock, in_seconds
from smoketest.execution.execute import Execute, execute
from smoketest.execution.fixtures import Fixtures
from smoketest.execution.guards.callers_connections import CallersConnections
from smoketest.execution.guards.own_connections import OwnConnections
from smoketest.execution.guards.protocol import Guard
from smoketest.execution.surroundings import Stay, Surroundings
from smoketest.results import Result, Step

logger = logging.getLogger("smoketest")


class Session:
    """The guard and the fixtures of one thread."""

    def __init__(self, guard: Guard, surroundings: Surroundings | None = None) -> None:
        """Take the guard of the calling thread and, where others are at work beside it, what they share."""
        self._guard = guard
        self._fixtures = Fixtures(guard)
        self._surroundings = surroundings
        self._stay: Stay | None = None

    def execute(self, step: Step, test_class: type[SmokeTest] | None, clock: Clock) -> Result:
        """Run the test of a step; never raises."""
        if self._surroundings and not self._stay:
            self._stay = self._surroundings.begin()
        result = execute(step, test_class, fixtures=self._fixtures, guard=self._guard, clock=clock)
        if self._surroundings and self._stay and not step.keeps:
            changes = self._surroundings.end(self._stay)
            self._stay = None
            return replace(result, warnings=(*result.warnings, *changes)) if changes else result
        return result

    def abandon(self) -> None:
        """Free what the test that runs holds in databases; called from another thread."""
        self._guard.abandon()
        self._fixtures.abandon()
        self._leave()

    def rest(self) -> None:
        """Tear down what still stands: the test that it was kept for hangs elsewhere, or there was no time for it."""
        self._fixtures.leave(0, _log, in_seconds(0))
        self._leave()
        self._stay = None

    def close(self) -> None:
        """Tear down what still stands and close the guard's connections."""
        self.rest()
        with suppress(Exception):
            self._guard.close()

    def _leave(self) -> None:
        if self._surroundings and self._stay:
            self._surroundings.leave(self._stay)


def open_session(surroundings: Surroundings | None = None) -> Session:
    """Give the calling thread, one of ours, guarded connections in place of its own."""
    return Session(OwnConnections(), surroundings)


@contextmanager
def own_session(classes: Mapping[str, type[SmokeTest]]) -> Iterator[Execute]:
    """Run tests in this thread, one of ours, whose limits somebody else keeps."""
    session = open_session()
    session.execute(_NOTHING, _Nothing, in_seconds(_NOTHING.timeout_seconds))  # the first time is slow: nobody's then
    with _running(session, classes) as run:
        yield run


class _Nothing(SmokeTest):
    def test_nothing(self) -> None:
        pass


_NOTHING = Step(id="test_nothing", test_class=_Nothing.__name__, timeout_seconds=1.0)


def load_drivers() -> None:
    """Import the drivers of all databases, so that no process that is forked from this one has to."""
    for alias in connections:
        with suppress(Exception):  # the test that needs it tells
            connections[alias]


@contextmanager
def callers_session(classes: Mapping[str, type[SmokeTest]]) -> Iterator[Execute]:
    """Run tests on the connections that the calling thread uses already."""
    with _running(Session(CallersConnections()), classes) as run:
        yield run


@contextmanager
def _running(session: Session, classes: Mapping[str, type[SmokeTest]]) -> Iterator[Execute]:
    with closing(session):
        yield lambda step: session.execute(step, classes.get(step.test_id), in_seconds(step.timeout_seconds))


def _log(error: BaseException) -> None:
    logger.warning("a class or module fixture failed after its last test was recorded", exc_info=error)
