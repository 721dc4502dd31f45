"""The whole story of a run on one page: run it here and now, or start it on the queue, look at it, wait, cancel."""

import hmac
import platform
import secrets
import time
from collections.abc import Callable
from typing import TypeVar

from django.utils.crypto import salted_hmac

from smoketest import sharing
from smoketest.conf import Conf, release_of, searched_apps
from smoketest.errors import GoneRunError, QueueUnavailableError, UnknownRunError
from smoketest.execution.guards.callers_connections import is_inside_test_case
from smoketest.inline import run_inline
from smoketest.queue.dispatch import publish
from smoketest.record.redis import About, RedisStore, open_store
from smoketest.report.summary import Report, summarise
from smoketest.results import Counts, Status
from smoketest.suite.discover import discover
from smoketest.suite.plan import Selection, make_plan

T = TypeVar("T")


def run_here(selection: Selection, conf: Conf, *, script_prefix: str) -> tuple[Report, float]:
    """Run the fast tests now; return the report and its age in seconds, 0 unless it is served again.

    Raises SelectionError when nothing is there of what is asked for.
    """
    found = discover(searched_apps(conf))
    plan = make_plan(found, selection, conf.limits, with_slow=False)
    release = release_of(conf, found.fingerprint)

    def run() -> Report:
        return summarise(run_inline(plan, found, conf, script_prefix=script_prefix, release=release))

    # Inside a TestCase each caller has data of its own.
    return (run(), 0.0) if is_inside_test_case() else sharing.serve(selection, conf, run)


def start(selection: Selection, conf: Conf) -> Report:
    """Queue a run of all tests asked for and report it as pending.

    Raises SelectionError as `run_here` does, and QueueUnavailableError when Redis or the broker does not answer;
    nothing of the run will happen then.
    """
    found = discover(searched_apps(conf))
    plan = make_plan(found, selection, conf.limits, with_slow=True)
    about = About(
        release=release_of(conf, found.fingerprint),
        host=platform.node(),
        test_classes=plan.test_classes,
        selection=str(selection),
    )
    run_id, store = _make_id(), _store(conf)
    bound = store.create(run_id, plan, about, start_seconds=conf.start_timeout, keep_seconds=conf.result_seconds)
    try:
        publish(run_id, shards=min(len(plan.units()), conf.parallel), run_seconds=bound, conf=conf)
    except QueueUnavailableError:
        store.cancel(run_id)  # what may have been published after all finds nothing to do
        raise
    return Report(
        status=Status.PENDING,
        counts=Counts(),
        test_classes=about.test_classes,
        tests_total=len(plan.steps),
        seconds=0.0,
        run_id=run_id,
        release=about.release,
        host=about.host,
    )


def fetch(run_id: str, conf: Conf) -> Report:
    """Report a queued run as it stands.

    Raises UnknownRunError for an id that was never given out, GoneRunError for one whose record is gone.
    """
    return _about_run(run_id, lambda: summarise(_store(conf).fetch(run_id)))


def wait(run_id: str, seconds: float, conf: Conf) -> Report:
    """Report a queued run as soon as it has finished, or as it stands after `seconds`."""
    until = time.monotonic() + seconds
    while True:
        report = fetch(run_id, conf)
        left = until - time.monotonic()
        if report.status.is_finished or left <= 0:
            return report
        _store(conf).wait(run_id, left)


def cancel(run_id: str, conf: Conf) -> Report:
    """End a queued run now and report it; a finished one stays as it is."""
    _about_run(run_id, lambda: _store(conf).cancel(run_id))
    return fetch(run_id, conf)


def recent(conf: Conf) -> list[Report]:
    """Report the recent queued runs, newest first, without their results."""
    return [summarise(run) for run in _store(conf).recent()]


def _store(conf: Conf) -> RedisStore:
    return open_store(conf.redis_url)


def _about_run(run_id: str, ask: Callable[[], T]) -> T:
    try:
        return ask()
    except UnknownRunError:
        if not _is_ours(run_id):
            message = f"there is no run {run_id[:80]}"
            raise UnknownRunError(message) from None
        message = f"the record of run {run_id} is gone: it expired, or Redis lost it; start another"
        raise GoneRunError(message) from None


def _make_id() -> str:
    """Return the time in milliseconds, 128 random bits, and a mark by which an id of ours is known without Redis."""
    stem = f"{int(time.time() * 1000):011x}-{secrets.token_hex(16)}"
    return f"{stem}-{_mark(stem)}"


def _is_ours(run_id: str) -> bool:
    stem, _, mark = run_id.rpartition("-")
    return hmac.compare_digest(mark.encode(), _mark(stem).encode())


def _mark(stem: str) -> str:
    return salted_hmac("smoketest.runs", stem, algorithm="sha256").hexdigest()[:8]
