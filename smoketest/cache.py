"""Inline reports that are served again for a while, so that many monitors cost no more than one."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from smoketest.conf import Conf
from smoketest.report.summary import Report
from smoketest.suite.plan import Selection

_MOST_KEPT = 32
"""A caller chooses the selections, so their number is bounded."""

_kept: dict[tuple[Selection, Conf], "_Kept"] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Kept:
    report: Report
    made_at: float


def serve(selection: Selection, conf: Conf, make: Callable[[], Report]) -> tuple[Report, float]:
    """Return the report of the selection and its age in seconds: one that was kept, or a new one."""
    key = (selection, conf)
    now = time.monotonic()
    kept = _kept.get(key)
    if kept and now - kept.made_at < conf.cache_seconds:
        return kept.report, now - kept.made_at
    report = make()
    if conf.cache_seconds:
        _keep(key, report)
    return report, 0.0


def _keep(key: tuple[Selection, Conf], report: Report) -> None:
    _kept.pop(key, None)
    while len(_kept) >= _MOST_KEPT:
        _kept.pop(next(iter(_kept)), None)
    _kept[key] = _Kept(report=report, made_at=time.monotonic())
