"""Tells the project, once for each run, that it has begun and ended, and keeps what later runs are compared with."""

import logging
from datetime import datetime, timedelta

from smoketest import announce
from smoketest.bounded import send_bounded
from smoketest.conf import Conf
from smoketest.errors import QueueUnavailableError, UnknownRunError
from smoketest.facts import Run
from smoketest.record import baselines
from smoketest.record.places import open_places
from smoketest.record.redis import RedisStore
from smoketest.report.comparison import make_baseline
from smoketest.report.summary import Report, summarise, summarise_final

logger = logging.getLogger("smoketest")

_STARTED, _FINISHED = "started", "finished"


def herald(run: Run, store: RedisStore, conf: Conf, *, untold_seconds: float = 0.0) -> None:
    """Tell what has happened with the run, as far as nobody has yet; never raises.

    What has happened within `untold_seconds` is left to whoever ended it, unless that was this very look at the run.
    """
    try:
        # What has happened since it was looked at can't be told from what was seen.
        untold = events_untold(run, timedelta(seconds=untold_seconds))
        if untold and (events := store.claim_telling(run.id, untold)):
            _tell(run, events, store, conf)
            store.confirm_told(run.id, events)
    except (QueueUnavailableError, UnknownRunError) as error:
        logger.debug("run %s: what has happened is not told here: %s", run.id, error)


def final_report(run: Run, store: RedisStore, *, url: str = "") -> Report:
    """Report a run that has finished and is found at a URL, with all its results."""
    return _report(store.with_results(run), url)


def events_untold(run: Run, patience: timedelta = timedelta()) -> list[str]:
    """Return what has happened with the run, so long ago at least, and is told by nobody yet, as far as was seen."""
    if run.is_withdrawn and _STARTED not in run.told:
        return []
    has_happened = {_STARTED: run.started_at, _FINISHED: run.finished_at}
    return [event for event, at in has_happened.items() if at and event not in run.told and _is_due(run, at, patience)]


def _is_due(run: Run, at: datetime, patience: timedelta) -> bool:
    return run.is_news or run.seen_at is None or run.seen_at - at >= patience


def _tell(run: Run, events: list[str], store: RedisStore, conf: Conf) -> None:
    if _STARTED in events:
        announce.run_began(summarise(run), send_bounded)
    if _FINISHED in events:
        if run.place:  # whoever asks for the same next need not look at this run first
            open_places(conf.redis_url).give_up(run.place, run.id)
        whole = store.with_results(run)
        report = _report(whole)
        _remember(whole, report, conf)
        announce.run_ended(report, send_bounded)


def _report(run: Run, url: str = "") -> Report:
    return summarise_final(run, baselines.decode(run.baseline), url=url)


def _remember(run: Run, report: Report, conf: Conf) -> None:
    baseline = make_baseline(run)
    is_refused = run.only_new and report.comparison and report.comparison.newly_failing
    # What a release that is refused has broken must not look old in the next.
    if baseline and run.finished_at and not is_refused:
        created_at = run.finished_at - timedelta(seconds=run.seconds)
        known = baselines.open_baselines(conf.redis_url)
        known.remember(run.selection, baseline, created_ms=int(created_at.timestamp() * 1000))
