"""The Celery task: a shard of a run, which takes test after test until none is left."""

import logging
import platform
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any, TypeVar

from celery import Task, shared_task
from django.db import connections

from smoketest import conf
from smoketest.errors import QueueUnavailableError
from smoketest.execution.runner import make_supervisor, run_supervised
from smoketest.execution.session import own_session
from smoketest.execution.supervisor import Supervisor
from smoketest.record import redis
from smoketest.record.redis import Assignment, RedisStore
from smoketest.results import Cause, Outcome, Result, Step
from smoketest.suite.discover import discover

T = TypeVar("T")

logger = logging.getLogger("smoketest")

_STORE_TIMEOUT_SECONDS = 2.0
_PATIENCE_SECONDS = 20.0
"""How long a shard asks a Redis that does not answer; then the leases tell."""
_PAUSE_SECONDS = 0.1


@shared_task(
    name="smoketest.run_shard",
    bind=True,
    ignore_result=True,
    # Delivered again after a crash, a test that kills its worker would go round for ever.
    acks_late=False,
    reject_on_worker_lost=False,
    max_retries=0,
)
def run_shard(self: "Task[Any, Any]", run_id: str) -> None:
    """Run tests of the run one after another, each in a supervised process, and record their results."""
    settings = conf.current()
    found = discover(conf.searched_apps(settings))
    release = conf.release_of(settings, found.fingerprint)
    store = redis.open_store(settings.redis_url, timeout_seconds=_STORE_TIMEOUT_SECONDS)
    connections.close_all()  # so that none is shared with the process that is forked from here
    with closing(make_supervisor(lambda: own_session(found.classes))) as supervisor:
        for_step = run_supervised if _can_supervise() else _refuse
        _pull(run_id, str(self.request.id), store, lambda step: replace(for_step(step, supervisor), release=release))


def _pull(run_id: str, shard: str, store: RedisStore, run: Callable[[Step], Result]) -> None:
    _patiently(lambda: store.begin(run_id, shard))
    ended: tuple[Assignment, Result] | None = None
    while True:
        assignment = _patiently(lambda: store.step(run_id, shard, ended=ended))  # noqa: B023 (called at once)
        if assignment is None:
            return
        result = replace(run(assignment.step), waited_seconds=assignment.waited_seconds)
        logger.info("run %s: %s %s", run_id, result.id, result.outcome)
        ended = (assignment, result)


def _patiently(ask: Callable[[], T]) -> T:
    """Ask until Redis answers: each request of the store may be repeated."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except QueueUnavailableError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)


def _can_supervise() -> bool:
    """Tell whether a process may be forked from here: not from a pool of threads or greenlets."""
    return threading.current_thread() is threading.main_thread()


def _refuse(step: Step, _supervisor: Supervisor) -> Result:
    return Result(
        id=step.id,
        outcome=Outcome.ERRORED,
        cause=Cause.NOT_RUN,
        message="this worker runs tasks in threads, where no limit can be kept; start it with --pool prefork or solo",
        host=platform.node(),
    )
