"""The Celery task, which Celery finds by this module's name; importing it attaches what such a worker does besides."""

from typing import Any

from celery import Task, shared_task

from smoketest import conf
from smoketest.execution.runner import run_supervised
from smoketest.queue import shard, workers
from smoketest.queue.dispatch import TASK
from smoketest.queue.termination import left_to_main
from smoketest.record import echoes
from smoketest.supervision import lend_supervisor

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
    work = shard.work_of(run_id, lane, str(self.request.id))
    if work is None:
        return
    with shard.given_up_if_raised(work), left_to_main(), lend_supervisor(conf.searched_apps(work.conf)) as supervisor:
        shard.run_tests(
            work,
            lambda step, is_wanted: run_supervised(step, supervisor, is_wanted=is_wanted),
            supervisor,
        )


@shared_task(name="smoketest.echo", ignore_result=True, max_retries=0)
def echo(word: str) -> None:
    """Answer to the test that has sent the word, from the worker that got it."""
    echoes.leave(conf.current().redis_url, word)
