"""Publishes the messages of a run's shards."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from celery import Celery, current_app
from celery.result import AsyncResult
from kombu import Connection, Exchange, Queue, pools
from kombu.exceptions import BatchPublishError, ChannelError  # type: ignore[attr-defined] # not in the stubs yet
from redis import ConnectionError  # noqa: A004 (redis-py's own)
from redis.backoff import NoBackoff
from redis.retry import Retry

from smoketest.conf import Conf
from smoketest.errors import QueueUnavailableError

TASK = "smoketest.run_shard"

_CONNECT_SECONDS = 1
_ANSWER_SECONDS = 1
# Without these a frozen or a dead broker holds the caller for seconds, or for ever.
_OF_REDIS = {"socket_connect_timeout": _CONNECT_SECONDS, "socket_timeout": _ANSWER_SECONDS, "interval_start": 0}
_OF_AMQP = {"read_timeout": _ANSWER_SECONDS, "write_timeout": _ANSWER_SECONDS, "confirm_publish": True}
_NOT_FOUND = "404"
_CELERYS_OWN = "default"
"""What Celery calls the app that it makes where nobody has made one."""
_NO_APP = (
    "there is no Celery app in this process but the one that Celery makes by itself, and that one has no broker: "
    "import yours in the project's __init__.py, as the README says, or set CELERY_BROKER_URL in the environment"
)
_OWN_QUEUE_SECONDS = 600.0
"""How long a worker's own queue stays when that has gone."""
_BACKSTOP_SECONDS = 10
"""On top of what a run may take; the limits that count are the supervisor's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What is sent for one shard."""

    lane: str = ""
    """The host whose tests it is to take; empty: those that may run anywhere."""
    worker_id: str = ""
    """The one worker that is to have it; empty: any."""


class _NoResult(AsyncResult):  # type: ignore[type-arg]
    """The result that nobody will ask for: Celery's own loads the result backend, whatever that takes."""

    def __init__(self, task_id: str) -> None:
        self.id = task_id


def own_queue(worker_id: str) -> Queue:
    """Return the queue that one worker consumes alone, besides those it was started with."""
    name = f"smoketest.{worker_id}"
    # The default exchange: one of its own would stay on the broker for ever.
    return Queue(name, Exchange(""), routing_key=name, expires=_OWN_QUEUE_SECONDS)


class _NotToBeSentError(Exception):
    pass


def publish(
    run_id: str,
    messages: Sequence[Message],
    *,
    run_seconds: float,
    conf: Conf,
    may_send: Callable[[], bool] = lambda: True,
) -> bool:
    """Publish the messages in one batch; within 2 s it is done, or QueueUnavailableError is raised.

    `may_send` is asked at last, when all is made ready as far as the broker lets it; if it says no, nothing is sent.
    Tells whether it was.
    """
    app = _app()
    if app.conf.task_always_eager:
        refusal = "CELERY_TASK_ALWAYS_EAGER is on: the run would happen inside the request; turn it off"
        raise QueueUnavailableError(refusal)
    limit = math.ceil(run_seconds) + _BACKSTOP_SECONDS
    tasks = [_task_of(run_id, message, conf) | {"time_limit": limit, "soft_time_limit": limit} for message in messages]
    with _translating(app):
        try:
            _send(app, tasks, may_send)
        except _NotToBeSentError:
            return False
        except BatchPublishError as error:
            if not isinstance(error.__cause__, ConnectionError):
                raise
            # The broker has closed a connection that was kept. A message that goes out twice is harmless: whoever
            # takes the second finds nothing to do.
            _send(app, tasks, may_send)
        return True


def _task_of(run_id: str, message: Message, conf: Conf) -> dict[str, Any]:
    """Return a message as Celery sends it."""
    args, kwargs = (run_id,), {"lane": message.lane} if message.lane else {}
    # How they are shown in logs and monitors: what Celery makes of them by itself takes long.
    shown = {"argsrepr": repr(args), "kwargsrepr": repr(kwargs)}
    return {"args": args, "kwargs": kwargs, **shown, **_address(message, conf)}


def _send(app: Celery, tasks: Sequence[dict[str, Any]], may_send: Callable[[], bool]) -> None:
    with _producing(app) as producer, producer.batch():
        is_batched = producer.supports_batch_publish
        if not (is_batched or may_send()):
            raise _NotToBeSentError
        for task in tasks:
            app.send_task(TASK, producer=producer, retry=False, ignore_result=True, result_cls=_NoResult, **task)
        if is_batched and not may_send():
            raise _NotToBeSentError


@dataclass(frozen=True, kw_only=True, slots=True)
class QueueLook:
    """What the queue of the shards looks like."""

    name: str
    messages: int | None
    """How many wait in it; None where the broker does not tell."""


def look(conf: Conf) -> QueueLook:
    """Look at the queue of the shards."""
    app = _app()
    name = queue_of(app, conf)
    try:
        with connecting(app) as connection:
            return QueueLook(name=name, messages=_messages_in(name, connection))
    except QueueUnavailableError:
        return QueueLook(name=name, messages=None)


def _messages_in(name: str, connection: Any) -> int:
    try:
        return int(connection.default_channel.queue_declare(queue=name, passive=True).message_count)
    except ChannelError as error:
        if str(error.reply_code) == _NOT_FOUND:  # an empty queue does not exist in Redis
            return 0
        raise


def queue_of(app: Celery, conf: Conf) -> str:
    """Return the name of the queue of the shards: that of the setting, of the app's own routes, or its default."""
    # Looked up alone: to have it routed would add a queue to those that a worker consumes.
    route: Any = {} if conf.queue else app.amqp.router.lookup_route(TASK) or {}
    routed = route if isinstance(route, str) else route.get("queue", "")
    return conf.queue or str(getattr(routed, "name", routed)) or str(app.conf.task_default_queue)


@contextmanager
def connecting(app: Celery) -> Iterator[Any]:
    """Give a connection to the broker that gives up soon; raises QueueUnavailableError for what goes wrong inside."""
    with _translating(app), _own_connection(app) as connection:
        yield connection


@contextmanager
def _producing(app: Celery) -> Iterator[Any]:
    connection = _connection(app)
    if "redis" in str(connection.transport_cls):  # to connect to it anew takes longer than all the rest
        with pools.producers[connection].acquire(block=True, timeout=_CONNECT_SECONDS) as producer:
            yield producer
    else:
        with _own_connection(app) as own, app.amqp.Producer(own) as producer:
            yield producer


@contextmanager
def _own_connection(app: Celery) -> Iterator[Connection]:
    with _connection(app).clone() as own:
        if "amqp" not in str(own.transport_cls):
            yield own
            return
        try:
            yield own
            _say_goodbye(own)
        finally:
            own.collect()  # else kombu says it again, also to a broker that has fallen silent, and waits for an answer


def _say_goodbye(own: Connection) -> None:
    if own.connected:
        with suppress(*own.connection_errors):  # all that was sent has been confirmed
            own.transport.close_connection(own.connection)


def _connection(app: Celery) -> Connection:
    """Return what tells how to connect; to be cloned by whoever uses it up."""
    url = app.conf.broker_write_url
    if app.main == _CELERYS_OWN and not url:  # it would be sent to whatever listens where Celery thinks a broker is
        raise QueueUnavailableError(_NO_APP)
    return _bounded(app, str(url))


@lru_cache(maxsize=8)  # half as long to make as to publish
def _bounded(app: Celery, _url: str) -> Connection:
    connection = app.connection_for_write(connect_timeout=_CONNECT_SECONDS)
    given = connection.transport_options or {}
    return connection.clone(transport_options={**given, **_options(connection, given)})


def _options(connection: Connection, given: dict[str, Any]) -> dict[str, Any]:
    """Return what bounds each step of the connection's transport, where that is one that is known."""
    kind, addresses = str(connection.transport_cls), max(1, len(connection.alt))
    if "sentinel" in kind:
        # All of a list are asked at each try, one after another, and by default each again and again.
        seconds = _CONNECT_SECONDS / addresses
        one = {"socket_connect_timeout": seconds, "socket_timeout": seconds, "retry": Retry(NoBackoff(), 0)}
        return {**_OF_REDIS, "sentinel_kwargs": {**given.get("sentinel_kwargs", {}), **one}, "max_retries": 0}
    # Each of a list is tried once. By default one that refuses is asked again after 2 s.
    tries = {"max_retries": addresses - 1}
    if "redis" in kind:
        return _OF_REDIS | tries
    return _OF_AMQP | tries if "amqp" in kind else {}


@contextmanager
def _translating(app: Celery) -> Iterator[None]:
    try:
        yield
    except QueueUnavailableError:
        raise
    except Exception as error:  # each transport has errors of its own, a missing driver among them
        address = app.connection_for_write().as_uri()
        message = f"the broker at {address} does not answer: {type(error).__name__}: {error}"
        raise QueueUnavailableError(message) from error


def _app() -> Celery:
    app: Celery = current_app._get_current_object()  # type: ignore[attr-defined] # noqa: SLF001 (as in Celery's own code)
    return app


def _address(message: Message, conf: Conf) -> dict[str, Any]:
    if message.worker_id:
        queue = own_queue(message.worker_id)
        return {"queue": queue, "exchange": "", "routing_key": queue.name}  # else those of the app's own routes
    return {"queue": conf.queue} if conf.queue else {}
