"""Inline reports that several callers get: those who ask at the same time, and those who ask again soon."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from smoketest.conf import Conf
from smoketest.report.summary import Report
from smoketest.results import Plan

_MOST_KEPT = 32
"""A caller chooses the tests, so the number of plans is bounded."""

_Key = tuple[int, tuple[str, ...], Conf]
"""By process too: in a forked one nobody flies what its parent did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    report: Report
    made_at: float


@dataclass(slots=True)
class _Flight:
    """A run that is under way; its report is there once it has landed, unless the run raised."""

    landed: threading.Event = field(default_factory=threading.Event)
    report: Report | None = None


_kept: dict[_Key, _Kept] = {}
_flights: dict[_Key, _Flight] = {}


def serve(plan: Plan, conf: Conf, make: Callable[[], Report], *, until: float) -> tuple[Report, float]:
    """Return a report of the plan's tests and its age in seconds.

    It is one that was kept for less than `SMOKETEST_CACHE_SECONDS`, or that of the same run which is under way in
    this process, or a new one; `until`, a point of `time.monotonic()`, the run of another is waited for.
    """
    # By the tests, not by the words they were asked for with: of those a stranger has as many as he likes.
    key = (os.getpid(), tuple([step.id for step in plan.steps]), conf)
    now = time.monotonic()
    kept = _kept.get(key)
    if kept and now - kept.made_at < conf.cache_seconds:
        return kept.report, now - kept.made_at
    while True:  # where the run of another has raised, one of those who waited makes the next
        own = _Flight()
        flight = _flights.setdefault(key, own)  # in one step, whoever else comes at the same time
        if flight is own:
            return _fly(key, own, conf, make), 0.0
        if not flight.landed.wait(until - time.monotonic()):
            return make(), 0.0
        if flight.report:
            return flight.report, 0.0


def _fly(key: _Key, flight: _Flight, conf: Conf, make: Callable[[], Report]) -> Report:
    try:
        report = flight.report = make()
        if conf.cache_seconds:
            _keep(key, report)
    finally:
        del _flights[key]
        flight.landed.set()
    return report


def _keep(key: _Key, report: Report) -> None:
    _kept.pop(key, None)
    for oldest in tuple(_kept)[: max(0, len(_kept) - _MOST_KEPT + 1)]:  # a tuple: others keep theirs meanwhile
        _kept.pop(oldest, None)
    _kept[key] = _Kept(report=report, made_at=time.monotonic())
