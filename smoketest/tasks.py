"""The Celery task, which Celery finds by this module's name; importing it attaches what such a worker does besides."""

import platform
import threading
from contextlib import closing
from typing import Any

from celery import Task, shared_task
from django.db import connections

from smoketest import conf
from smoketest.execution.runner import make_supervisor, run_supervised
from smoketest.execution.session import own_session
from smoketest.queue import shard, workers
from smoketest.queue.dispatch import TASK
from smoketest.record import echoes
from smoketest.results import Cause, Outcome, Result, Step
from smoketest.suite.discover import discover

workers.attach()


@shared_task(
    name=TASK,
    bind=True,
    ignore_result=True,
    # Delivered again after a crash, a test that kills its worker would go round for ever.
    acks_late=False,
    reject_on_worker_lost=False,
    max_retries=0,
)
def run_shard(self: "Task[Any, Any]", run_id: str, lane: str = "") -> None:
    """Run tests of the run one after another, each in a supervised process, and record their results."""
    work = shard.begin(run_id, lane, str(self.request.id))
    if work is None:
        return
    if not _can_supervise():
        shard.run_tests(work, _refuse)
        return
    found = discover(conf.searched_apps(work.conf))
    connections.close_all()  # so that none is shared with the process that is forked from here
    with closing(make_supervisor(lambda: own_session(found.classes))) as supervisor:
        shard.run_tests(work, lambda step: run_supervised(step, supervisor))


@shared_task(name="smoketest.echo", ignore_result=True, max_retries=0)
def echo(word: str) -> None:
    """Answer to the test that has sent the word, from the worker that got it."""
    echoes.leave(conf.current().redis_url, word)


def _can_supervise() -> bool:
    """Tell whether a process may be forked from here: not from a pool of threads or greenlets."""
    return threading.current_thread() is threading.main_thread()


def _refuse(step: Step) -> Result:
    return Result(
        id=step.id,
        outcome=Outcome.ERRORED,
        cause=Cause.NOT_RUN,
        message="this worker runs tasks in threads, where no limit can be kept; start it with --pool prefork or solo",
        host=platform.node(),
    )
