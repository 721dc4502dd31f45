"""What a thread or process needs to run tests one after another."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from smoketest.cases import SmokeTest
from smoketest.execution.execute import execute
from smoketest.execution.fixtures import Fixtures
from smoketest.execution.guards.callers_connections import CallersConnections
from smoketest.execution.guards.own_connections import OwnConnections
from smoketest.execution.guards.protocol import Guard
from smoketest.results import Result, Step

Execute = Callable[[Step], Result]
"""Runs the test of a step; never raises."""

logger = logging.getLogger("smoketest")


@contextmanager
def own_session(classes: Mapping[str, type[SmokeTest]]) -> Iterator[Execute]:
    """Give the thread, one of ours, guarded connections in place of its own and run tests on them."""
    guard = OwnConnections()
    try:
        with _session(classes, guard) as run:
            yield run
    finally:
        guard.close()


@contextmanager
def callers_session(classes: Mapping[str, type[SmokeTest]]) -> Iterator[Execute]:
    """Run tests on the connections that the caller's thread uses already."""
    with _session(classes, CallersConnections()) as run:
        yield run


@contextmanager
def _session(classes: Mapping[str, type[SmokeTest]], guard: Guard) -> Iterator[Execute]:
    fixtures = Fixtures(guard)
    try:
        yield lambda step: execute(step, classes.get(step.id), fixtures=fixtures, guard=guard)
    finally:
        fixtures.leave(0, _log)


def _log(error: BaseException) -> None:
    logger.warning("a class or module fixture failed after its last test was recorded", exc_info=error)
