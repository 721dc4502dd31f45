"""The whole story of a run on one page: run it here and now, or start it on the queue, look at it, wait, cancel."""

import logging
import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from smoketest import foreground, latest, sharing
from smoketest.conf import Conf, release_of
from smoketest.errors import GoneRunError, QueueUnavailableError, UnknownRunError, WrongReleaseError
from smoketest.execution.guards.callers_connections import is_inside_test_case
from smoketest.facts import Run
from smoketest.inline import report_inline
from smoketest.planning import plan_for_queue, plan_of
from smoketest.progress.display import Display
from smoketest.queue.herald import final_report, herald
from smoketest.queue.launch import draft_of, launch
from smoketest.queue.orders import messages_for, on_living_hosts, require_in_time, require_room, wanted_by
from smoketest.queue.settle import QueueWatch, settle
from smoketest.record.baselines import open_baselines
from smoketest.record.calls import ask_both
from smoketest.record.ids import is_ours
from smoketest.record.places import open_places
from smoketest.record.redis import MOST_RESULTS, RedisStore, open_store
from smoketest.record.values import About
from smoketest.record.workers import open_roll
from smoketest.report.summary import Report, summarise
from smoketest.results import Plan
from smoketest.suite.discover import Found
from smoketest.suite.plan import Order, Selection

logger = logging.getLogger("smoketest")

_LOOK_SECONDS = 1.0
"""How often one who follows a run hears of it."""
_UNTOLD_SECONDS = 2.0
"""How long the worker that ends a run has to tell the project of it."""


def run_here(selection: Selection, conf: Conf, *, script_prefix: str) -> tuple[Report, float]:
    """Run the fast tests now; return the report and its age in seconds, 0 unless it is served again.

    Raises SelectionError when nothing is there of what is asked for.
    """
    until = time.monotonic() + conf.budget
    found, plan = plan_of(selection, conf, with_slow=False)

    def run() -> Report:
        return report_inline(plan, found, conf, until=until, script_prefix=script_prefix, release=release_of(conf))

    if is_inside_test_case():
        return run(), 0.0  # each caller has data of its own there
    report, age_seconds = sharing.serve(plan, conf, run, until=until)
    # Whatever it was asked for with: the next who asks for all may be served this very report.
    if not age_seconds and _are_all_fast_ones(plan, found):
        latest.keep(report)
    return report, age_seconds


def _are_all_fast_ones(plan: Plan, found: Found) -> bool:
    return len(plan.steps) == sum(not spec.is_slow for spec in found.specs)


def run_in_foreground(
    selection: Selection, conf: Conf, display: Display, *, with_slow: bool, processes: int, ends_with_failure: bool
) -> Report:
    """Run the tests in supervised processes of this one; raises SelectionError as `run_here` does."""
    found, plan = plan_of(selection, conf, with_slow=with_slow)
    return foreground.report_in_foreground(
        plan, found, display, release=release_of(conf), processes=processes, ends_with_failure=ends_with_failure
    )


def start(order: Order, conf: Conf) -> Report:
    """Queue a run of all tests asked for and report it, or the one that is under way for the same already.

    Raises SelectionError as `run_here` does, WrongReleaseError where this process is of another release than is wanted,
    TooManyRunsError when no run is to be started now, and QueueUnavailableError when Redis or the broker does not
    answer, or there is no host to run on; nothing of the run will happen then, but for what `launch` tells.
    """
    release = _right_release(order, conf)
    workers = open_roll(conf.redis_url).workers() if order.on_every_host else []
    plan = plan_for_queue(order.selection, conf)
    plan = on_living_hosts(plan, workers) if order.on_every_host else plan
    wanted, words = wanted_by(order, plan, release), order.words
    look_call = open_places(conf.redis_url).look_call(wanted, most=conf.starts_per_minute)
    place, baseline = ask_both(look_call, open_baselines(conf.redis_url).before_call(words, release))
    if joined := _joined(place.holder, order, conf):
        return report_of(joined, conf)
    require_room(place, most=conf.starts_per_minute)
    about = About(
        release=release,
        host=platform.node(),
        test_classes=plan.test_classes,
        selection=words,
        only_new=order.only_new,
        # Whoever asks with the same key has the same run, also when it has ended.
        place="" if order.key else wanted,
    )
    draft = draft_of(plan, about, wanted, conf)
    messages = messages_for(plan, workers, release, parallel=conf.parallel)
    run, place = launch(draft, messages, place, conf, baseline=baseline, is_another=order.is_always_another)
    if run is None:
        require_room(place, most=conf.starts_per_minute)
        require_in_time(place)
        return fetch(place.holder, conf)
    herald(run, _store(conf), conf)  # it has ended where there was nothing to do
    return report_of(run, conf)


def look(run_id: str, conf: Conf, *, most_results: int = 0) -> Run:
    """Return a queued run as it stands, without its results; that costs the same however many they are.

    One that has finished, and has no more than `most_results`, mostly comes with them: whoever reports it saves a look.
    Raises UnknownRunError for an id that was never given out, GoneRunError for one whose record is gone.
    """
    return _look(run_id, conf, partial(RedisStore.peek, run_id=run_id, most_results=most_results))


def report_of(run: Run, conf: Conf, *, after: int | None = None, url: str = "") -> Report:
    """Report a queued run that was looked at and is found at a URL, with its results if it has finished.

    With `after` those results alone that came after so many, a few hundred at most, also while it goes on.
    """
    if after is not None:
        run = _store(conf).new_results(run, after)
        return replace(summarise(run, url=url), next_after=after + len(run.results))
    return final_report(run, _store(conf), url=url) if run.finished_at else summarise(run, url=url)


def fetch(run_id: str, conf: Conf) -> Report:
    """Look at a queued run and report it; raises as both do."""
    return report_of(look(run_id, conf), conf)


def wait(run_id: str, seconds: float, conf: Conf, *, is_new: bool = False) -> Run:
    """Return a queued run as `look` does, for a report, as soon as it has finished, or after `seconds`.

    One that is new, and can't have finished, is waited for before it is looked at.
    """
    until = time.monotonic() + seconds
    run = None if is_new else look(run_id, conf, most_results=MOST_RESULTS)
    while run is None or not (run.finished_at or time.monotonic() >= until):
        ask = partial(RedisStore.wait, run_id=run_id, seconds=until - time.monotonic(), most_results=MOST_RESULTS)
        run = _look(run_id, conf, ask)
    return run


def follow(run_id: str, seconds: float, conf: Conf, display: Display) -> Report:
    """Show a queued run until it has finished, or for `seconds`, and report it; Redis may be away meanwhile.

    Raises QueueUnavailableError if it is away at the end.
    """
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        try:
            run = wait(run_id, min(left, _LOOK_SECONDS), conf)
            display.stands(run.counts, run.tests_total)
            if run.finished_at:
                break
        except QueueUnavailableError as error:
            display.tell(str(error))
            time.sleep(min(left, _LOOK_SECONDS))
    return fetch(run_id, conf)


def cancel(run_id: str, conf: Conf) -> Report:
    """End a queued run now and report it; a finished one stays as it is."""
    store = _store(conf)
    with _about_run(run_id):
        store.cancel(run_id)
    run = look(run_id, conf)
    herald(run, store, conf)
    return report_of(run, conf)


def recent(conf: Conf) -> list[Report]:
    """Report the recent queued runs, newest first, without their results."""
    reports, queue = [], QueueWatch(conf)
    for run_id in open_places(conf.redis_url).recent_ids():
        try:
            reports.append(summarise(_look(run_id, conf, partial(RedisStore.peek, run_id=run_id), queue)))
        except (UnknownRunError, GoneRunError):
            continue
        except (KeyError, TypeError, ValueError):  # of another version: the others' rows don't hang on it
            logger.exception("run %s: its record can't be read here", run_id)
    return reports


def _look(run_id: str, conf: Conf, ask: Callable[[RedisStore], Run], queue: QueueWatch | None = None) -> Run:
    store = _store(conf)
    with _about_run(run_id):
        run = settle(ask(store), store, conf, queue or QueueWatch(conf))
    if run.is_withdrawn:
        message = f"run {run_id} was never queued, since the broker did not answer; start another"
        raise GoneRunError(message)
    herald(run, store, conf, untold_seconds=_UNTOLD_SECONDS)
    return run


def _right_release(order: Order, conf: Conf) -> str:
    """Return this process' release, which must be the one that is wanted."""
    release = release_of(conf)
    if order.release not in ("", release):
        shown = "another release" if conf.public else f"release {release}"  # strangers are not told
        message = f"this is {shown}, not {order.release[:80]}"
        raise WrongReleaseError(message)
    return release


def _joined(run_id: str, order: Order, conf: Conf) -> Run | None:
    """Return the run that was started for the same, if it will do."""
    if not run_id or order.is_always_another:
        return None
    try:
        run = look(run_id, conf)
    except (UnknownRunError, GoneRunError):
        return None
    return run if order.key or not run.finished_at else None


def _store(conf: Conf) -> RedisStore:
    return open_store(conf.redis_url)


@contextmanager
def _about_run(run_id: str) -> Iterator[None]:
    """Tell apart the runs that were never there and those whose record is gone."""
    if not is_ours(run_id):
        message = f"there is no run {run_id[:80]}"
        raise UnknownRunError(message)
    try:
        yield
    except UnknownRunError:
        message = f"the record of run {run_id} is gone: it expired, or Redis lost it; start another"
        raise GoneRunError(message) from None
