"""Opens clients of what a Redis URL names.

That is one server in redis-py's words, or `redis+cluster://any-node:7000`, or
`redis+sentinel://first:26379,second:26379/service/database`, or either with `rediss` for TLS.
"""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.connection import AbstractConnection
from redis.exceptions import ReadOnlyError, RedisClusterException
from redis.retry import Retry
from redis.sentinel import Sentinel

from smoketest.errors import QueueUnavailableError

_FRESH_SECONDS = 2.0
"""For so long a connection that was answered counts as open."""

_may_look_up: ContextVar[bool] = ContextVar("may_look_up", default=True)


@contextmanager
def known_addresses_only() -> Iterator[None]:
    """Let clients connect to where they were before alone: no timeout bounds what looks up names.

    Nor is a cluster asked which nodes it has, which takes a timeout for each of them.
    """
    token = _may_look_up.set(False)
    try:
        yield
    finally:
        _may_look_up.reset(token)


@cache
def open_client(url: str, *, timeout_seconds: float) -> "Client":
    """Return this process' client of what is at `url`, which all share; it connects when it is used."""
    return Client(url, timeout_seconds=timeout_seconds)


class Client:
    """A client that answers with text, and the address to name in errors."""

    def __init__(self, url: str, *, timeout_seconds: float) -> None:
        """Take a URL; it connects when it is used."""
        self._answered_at = -math.inf
        """When the last call was answered, by the monotonic clock; for ever ago if the last was not."""
        self._url = url
        self._options = {
            "decode_responses": True,
            # With 3, which redis-py takes from 8 on, it no longer drops a connection that has an answer left to read.
            "protocol": 2,
            # One for each that waits: redis-py, from 8 on, would refuse the 101st.
            "max_connections": 2**31,
            "socket_timeout": timeout_seconds,
            "socket_connect_timeout": timeout_seconds,
            # One more try, for a connection that the server has closed meanwhile; none after a timeout.
            "retry": Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        }
        self._redis: Any = None
        self._opening = threading.Lock()

    @property
    def address(self) -> str:
        """The address without a password in it."""
        return self._url.partition("://")[2].rpartition("@")[2].partition("?")[0]

    def reach(self) -> None:
        """Have a connection that is open; raises QueueUnavailableError where there is none to be had.

        One that has been idle may be closed at the other end: some Redis close them after minutes.
        """
        if time.monotonic() - self._answered_at > _FRESH_SECONDS:
            with self.answering() as server:
                server.ping()

    @contextmanager
    def answering(self) -> Iterator[Any]:
        """Give redis-py's client; raises QueueUnavailableError where Redis does not answer."""
        try:
            yield self._redis or self._opened()
            self._answered_at = time.monotonic()
        # What a cluster's client raises is not all of redis-py's own kind.
        except (redis.RedisError, RedisClusterException, OSError) as error:
            self._answered_at = -math.inf
            message = f"Redis at {self.address} does not answer: {type(error).__name__}: {error}"
            raise QueueUnavailableError(message) from error

    def _opened(self) -> Any:
        """Return the one client; a cluster's connects when it is made, so that it is made here.

        Of those that are made at once all but one go before they are used: with them the connections would that were
        taken of them.
        """
        opened = _open(self._url, self._options)
        with self._opening:
            self._redis = self._redis or opened
        return self._redis


def _open(url: str, options: dict[str, Any]) -> Any:
    kind = urlsplit(url).scheme.partition("+")[2]
    plain = url.replace(f"+{kind}", "", 1) if kind else url  # urlunsplit() would break unix:///path
    if kind == "cluster":  # whose nodes name each other by number, mostly
        return _open_cluster(plain, options)
    opened = _open_master(plain, options) if kind == "sentinel" else redis.Redis.from_url(plain, **options)
    pool = opened.connection_pool
    pool.connection_class = _obedient(pool.connection_class)
    return opened


def _open_cluster(url: str, options: dict[str, Any]) -> RedisCluster:
    opened = RedisCluster.from_url(url, **options)
    ask_nodes = opened.nodes_manager.initialize

    def refresh(*args: Any, **kwargs: Any) -> None:
        """Ask one node after another who they are, each with its own timeout: redis-py does when one is silent."""
        if not _may_look_up.get():
            message = "its node does not answer"
            raise redis.ConnectionError(message)
        ask_nodes(*args, **kwargs)

    opened.nodes_manager.initialize = refresh  # type: ignore[method-assign]
    return opened


def _obedient(kind: type[Any]) -> type[Any]:
    """Return the kind of connection that, where no name may be looked up, connects to where the last one led."""
    if issubclass(kind, redis.UnixDomainSocketConnection):  # it has no name
        return kind
    by_number = _by_number()

    # Above what asks sentinels; what connects is below what encrypts.
    class Obedient(*((by_number,) if kind is redis.Connection else (kind, by_number))):  # type: ignore[misc]
        def connect(self) -> None:
            connect = super().connect if _may_look_up.get() else partial(AbstractConnection.connect, self)
            try:
                connect()
            except BaseException:
                self.disconnect()  # redis-py keeps one whose greeting was broken off, answers unread
                raise

        def read_response(self, *args: Any, **kwargs: Any) -> Any:
            try:
                return super().read_response(*args, **kwargs)
            except redis.ResponseError as error:
                if _is_of_replica(error):
                    self.disconnect()
                    message = "it is a replica by now: another one has taken over"
                    raise redis.ConnectionError(message) from error
                raise

    return Obedient


def _by_number() -> type[redis.Connection]:
    """Return a kind of connection of which each knows where the last one of them led."""
    last_address: list[Any] = []

    class ByNumber(redis.Connection):
        def _connect(self) -> Any:
            if _may_look_up.get():
                opened = super()._connect()  # type: ignore[no-untyped-call]
                last_address[:] = opened.getpeername()[:2]
                return opened
            if not last_address:
                message = "it was never connected"
                raise redis.ConnectionError(message)
            by_name = self.host, self.port
            self.host, self.port = last_address
            try:
                return super()._connect()  # type: ignore[no-untyped-call]
            finally:
                self.host, self.port = by_name  # a certificate is for the name

    return ByNumber


def _is_of_replica(error: redis.ResponseError) -> bool:
    # Of a script, before Redis 7, the code is not at the beginning.
    return isinstance(error, ReadOnlyError) or "-READONLY " in str(error)


def _open_master(url: str, options: dict[str, Any]) -> Any:
    parts = urlsplit(url)
    credentials, at, hosts = parts.netloc.rpartition("@")
    service, _, database = parts.path.strip("/").partition("/")
    # The first sentinel's name alone, so that redis-py reads the credentials, the database and the query.
    first = urlunsplit(parts._replace(netloc=f"{credentials}{at}{hosts.split(',')[0]}", path=f"/{database or 0}"))
    given = redis.ConnectionPool.from_url(first, **options).connection_kwargs
    of_master = {name: value for name, value in given.items() if name not in ("host", "port")}
    is_encrypted = parts.scheme == "rediss"
    sentinels = [urlsplit(f"//{each}") for each in hosts.split(",")]
    addresses = [(each.hostname, each.port or 26379) for each in sentinels]
    # They are asked one after another, all within the time that one answer may take; without `retry` redis-py would ask
    # each again and again.
    seconds = options["socket_timeout"] / len(sentinels)
    of_sentinels = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "decode_responses": True,
        "retry": options["retry"],
        "ssl": is_encrypted,
    }
    found = Sentinel(addresses, sentinel_kwargs=of_sentinels)  # type: ignore[no-untyped-call]
    return found.master_for(service or "mymaster", ssl=is_encrypted, **of_master)  # type: ignore[no-untyped-call]
