"""What is added to a Celery worker that has smoke tests: a presence, a queue of its own, quick new processes."""

import os
import platform
from typing import Any

from celery import bootsteps, signals
from celery.worker.consumer import Consumer

from smoketest import conf
from smoketest.queue.dispatch import TASK, own_queue, queue_of
from smoketest.queue.main import machine, main_process
from smoketest.queue.presence import Presence
from smoketest.queue.termination import TOGETHER_SECONDS
from smoketest.record.workers import Worker

_REAP_SECONDS = 0.2
"""Celery alone may notice only after 5 s that a process of its pool has died."""

_present: dict[int, Presence] = {}
"""The presence of this process, by its number: what a process of the pool inherits is not its own."""


def attach() -> None:
    """Let each worker that starts in this process have it all."""
    signals.worker_init.connect(_prepare)
    signals.celeryd_after_setup.connect(_consume_own_queue)
    signals.worker_shutting_down.connect(_stop)
    signals.worker_shutdown.connect(_leave)
    signals.task_failure.connect(_alarm)
    signals.task_revoked.connect(_alarm)


class Attendance(bootsteps.StartStopStep):
    """Starts with the consumer of tasks, and again after each loss of the broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, consumer: Consumer) -> None:
        """Look often for dead processes of the pool, and be present."""
        if _pool_of(consumer) == "prefork":
            consumer.timer.call_repeatedly(_REAP_SECONDS, consumer.pool.maintain_pool)
        if os.getpid() not in _present:
            _present[os.getpid()] = presence = _presence_of(consumer)
            presence.start()


class Farewell(bootsteps.StartStopStep):
    """Hears of every shutdown, that by remote control too, when the worker takes nothing more."""

    def create(self, worker: Any) -> None:
        """Hear of a soft shutdown before its time runs: Celery tells of it when that is over."""
        wait = worker.wait_for_soft_shutdown

        def stop_and_wait() -> None:
            # Where the pool is ended as soon as this, it must not take that for a signal to all.
            if worker.app.conf.worker_soft_shutdown_timeout > TOGETHER_SECONDS:
                _stop()
            wait()

        worker.wait_for_soft_shutdown = stop_and_wait

    def close(self, _worker: Any) -> None:
        """Tell the pool, before that is waited for."""
        _stop()


def _prepare(sender: Any, **_: Any) -> None:
    main_process()  # made before the pool is forked, which inherits it
    machine()  # known from here on, also where no file can be opened any more
    conf.release_of(conf.current())  # as the code is now; it may be replaced under a worker that runs on
    sender.app.steps["consumer"].add(Attendance)
    sender.app.steps["worker"].add(Farewell)


def _consume_own_queue(instance: Any, **_: Any) -> None:
    instance.app.amqp.queues.select_add(own_queue(main_process().id))


def _stop(how: str = "", **_: Any) -> None:
    # What follows a cold one is the end of the pool, which must not take it for a signal to all.
    main_process().stop(by_signal=how == "Warm")


def _leave(**_: Any) -> None:
    presence = _present.pop(os.getpid(), None)
    if presence:
        presence.end()


def _alarm(sender: Any = None, **_: Any) -> None:
    # In the event loop of a prefork worker, which must not be held up; in its pool nobody is present.
    presence = _present.get(os.getpid())
    if presence and getattr(sender, "name", TASK) == TASK:
        presence.alarm()


def _presence_of(consumer: Consumer) -> Presence:
    settings = conf.current()
    app = consumer.app
    queues = tuple(app.amqp.queues.consume_from)
    worker = Worker(
        id=main_process().id,
        host=platform.node(),
        node=str(consumer.hostname),
        pid=os.getpid(),
        pool=_pool_of(consumer),
        queues=queues,
        release=conf.release_of(settings),
    )
    return Presence(main_process(), worker, settings, queue=queue_of(app, settings))


def _pool_of(consumer: Consumer) -> str:
    return str(type(consumer.pool).__module__).rpartition(".")[2]
