"""Publishes the shards of a run."""

import math
from typing import Any

from smoketest.conf import Conf
from smoketest.errors import QueueUnavailableError
from smoketest.tasks import run_shard

_CONNECT_SECONDS = 1
_REDIS_OPTIONS = {
    # Without these a frozen or a dead Redis holds the caller for seconds, or for ever.
    "socket_connect_timeout": _CONNECT_SECONDS,
    "socket_timeout": 1,
    "max_retries": 0,
}
_BACKSTOP_SECONDS = 10
"""On top of what a run may take; the limits that count are the supervisor's."""


def publish(run_id: str, *, shards: int, run_seconds: float, conf: Conf) -> None:
    """Publish `shards` messages of the run in one batch; within 2 s it is done or QueueUnavailableError is raised."""
    app = run_shard.app
    if app.conf.task_always_eager:
        message = "CELERY_TASK_ALWAYS_EAGER is on: the run would happen inside the request; turn it off"
        raise QueueUnavailableError(message)
    connection = app.connection_for_write(connect_timeout=_CONNECT_SECONDS)
    if "redis" in str(connection.transport_cls):
        connection = connection.clone(transport_options={**(connection.transport_options or {}), **_REDIS_OPTIONS})
    where: dict[str, Any] = {"queue": conf.queue} if conf.queue else {}
    limit = math.ceil(run_seconds) + _BACKSTOP_SECONDS
    try:
        with connection, app.amqp.Producer(connection) as producer, _batch(producer):
            for _ in range(shards):
                run_shard.apply_async(
                    args=(run_id,),
                    producer=producer,
                    retry=False,
                    time_limit=limit,
                    soft_time_limit=limit,
                    **where,
                )
    except Exception as error:  # each transport has errors of its own, a missing driver among them
        message = f"the broker at {connection.as_uri()} does not take the run: {type(error).__name__}: {error}"
        raise QueueUnavailableError(message) from error


def _batch(producer: Any) -> Any:
    """Return the context in which the messages go out together, where the transport can."""
    return producer.batch()  # not in the stubs yet
