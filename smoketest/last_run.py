"""The newest queued run that has come to a verdict, for those who scrape: its results are read from Redis once."""

from contextlib import suppress
from dataclasses import replace
from functools import lru_cache

from smoketest.conf import Conf
from smoketest.errors import UnknownRunError
from smoketest.record.places import open_places
from smoketest.record.redis import RedisStore, open_store
from smoketest.report.openmetrics import shown_rows
from smoketest.report.summary import Report, Row, summarise
from smoketest.results import Result

_HURRY_SECONDS = 0.3
_MOST_LOOKED_AT = 10


def latest_finished(conf: Conf) -> Report | None:
    """Report the newest queued run that has come to a verdict, with the rows that are exposed.

    It must be among the newest few; one that was cancelled says nothing of what was tested. Raises
    QueueUnavailableError when Redis does not answer soon.
    """
    store = _store(conf.redis_url)
    for run_id in open_places(conf.redis_url, timeout_seconds=_HURRY_SECONDS).recent_ids(most=_MOST_LOOKED_AT):
        with suppress(UnknownRunError):
            run = store.peek(run_id)
            if run.finished_at and not run.is_cancelled:
                return replace(summarise(run), rows=_rows(conf.redis_url, run_id))
    return None


@lru_cache(maxsize=1)
def _rows(redis_url: str, run_id: str) -> tuple[Row, ...]:
    """Return the rows of a run that has finished, which will not change, without their texts."""
    store = _store(redis_url)
    report = summarise(store.with_results(store.peek(run_id)))
    return tuple(Row(step=row.step, result=_without_texts(row.result)) for row in shown_rows(report))


def _without_texts(result: Result) -> Result:
    return Result(id=result.id, outcome=result.outcome, cause=result.cause, duration_seconds=result.duration_seconds)


def _store(redis_url: str) -> RedisStore:
    return open_store(redis_url, timeout_seconds=_HURRY_SECONDS)
