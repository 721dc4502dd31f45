"""Ready-made tests that need a worker: smoketest.contrib.celery, and a queued run of some."""

import signal
import threading
from contextlib import contextmanager

import pytest
from celery import current_app

from smoketest.contrib import celery
from smoketest.queue import dispatch
from smoketest.results import Outcome
from tests import waiting
from tests.contrib.running import result_of

pytestmark = pytest.mark.live


@contextmanager
def taken(server, queue):
    """Take the next message from a queue of this broker, and do nothing with it."""
    thread = threading.Thread(target=server.client.blpop, args=([queue], waiting.LIMIT_SECONDS))
    thread.start()
    yield
    thread.join()


def test_round_trip(redis_server, worker, queued):
    """A worker that takes the message and answers passes, and no key stays for longer than a minute."""
    queued(redis_server, worker)

    result = result_of(celery.WorkersTest, patience_seconds=20)

    assert result.outcome is Outcome.PASSED, result.message
    assert redis_server.client.keys("smoketest:echo:*") == []


def test_no_worker(own_redis, queued):
    """Without a worker it fails within its patience, and says that the message waits."""
    queued(own_redis, None)

    result = result_of(celery.WorkersTest, patience_seconds=0.2)

    assert result.outcome is Outcome.FAILED
    assert result.message.startswith("no worker answered within 0.2 s: 1 messages wait in the queue 'nobody'. ")


def test_worker_frozen(redis_server, worker, queued):
    """A worker that stands still fails the test, and when it goes on it passes again."""
    queued(redis_server, worker)
    worker.process.send_signal(signal.SIGSTOP)
    try:
        frozen = result_of(celery.WorkersTest, patience_seconds=1)
    finally:
        worker.process.send_signal(signal.SIGCONT)

    thawed = result_of(celery.WorkersTest, patience_seconds=20)

    assert (frozen.outcome, thawed.outcome) == (Outcome.FAILED, Outcome.PASSED)
    assert frozen.message.startswith("no worker answered within 1 s: ")


def test_late_answer(redis_server, worker, queued):
    """An answer that comes too late expires by itself."""
    queued(redis_server, worker)

    with dispatch.connecting(celery.echo.app) as connection:  # its app may have kept one to another test's server
        celery.echo.apply_async(args=("nobody-waits",), queue=worker.queue, connection=connection)

    waiting.until(lambda: redis_server.client.exists("smoketest:echo:nobody-waits"), what="the worker has answered")
    assert 0 < redis_server.client.ttl("smoketest:echo:nobody-waits") <= 60


def test_broker_killed(own_redis, queued):
    """With the broker down it fails at once, with the broker's address and without its password."""
    queued(own_redis, None)
    own_redis.kill()

    result = result_of(celery.WorkersTest, patience_seconds=20)

    assert result.outcome is Outcome.FAILED
    assert result.message.startswith("no message can be sent: the broker at redis://")
    assert f"127.0.0.1:{own_redis.port}/0 does not answer: OperationalError: " in result.message
    assert "Look whether the broker runs" in result.message


def test_worker_without_the_task(own_redis, queued):
    """Where a message is taken and no answer comes, the message says so."""
    queued(own_redis, None)

    with taken(own_redis, "nobody"):
        result = result_of(celery.WorkersTest, patience_seconds=1)

    assert result.outcome is Outcome.FAILED
    assert "no message waits in the queue 'nobody', so a worker has it. " in result.message


def test_eager():
    """An app that runs its tasks by itself fails: nothing would go to a worker."""
    current_app.conf.task_always_eager = True
    try:
        result = result_of(celery.WorkersTest)
    finally:
        current_app.conf.task_always_eager = False

    assert result.message == "CELERY_TASK_ALWAYS_EAGER is on: nothing goes to a worker"


def test_in_a_queued_run(redis_server, worker, queued, deployer):
    """Listed in the settings it runs on a worker too, beside the process that it keeps busy itself."""
    queued(redis_server, worker, "ready_made", parallel=1)

    outcomes = deployer.outcomes()

    assert outcomes == {
        "Workers.test_answer": ("passed", None),
        "Databases.test_answer": ("passed", None),
        "Databases.test_are_migrated": ("passed", None),
        "Clock.test_agrees": ("passed", None),
    }
