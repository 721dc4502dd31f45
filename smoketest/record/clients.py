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
from functools import cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import redis
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.retry import Retry
from redis.sentinel import Sentinel

from smoketest.errors import QueueUnavailableError

_FRESH_SECONDS = 2.0
"""For so long a connection that was answered counts as open."""

_may_connect: ContextVar[bool] = ContextVar("may_connect", default=True)


@contextmanager
def open_connections_only() -> Iterator[None]:
    """Let clients open no connection inside: how long that takes is up to the resolver, which no timeout bounds."""
    token = _may_connect.set(False)
    try:
        yield
    finally:
        _may_connect.reset(token)


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
        except (redis.RedisError, OSError) as error:
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
        return RedisCluster.from_url(plain, **options)
    opened = _open_master(plain, options) if kind == "sentinel" else redis.Redis.from_url(plain, **options)
    pool = opened.connection_pool
    pool.connection_class = _obedient(pool.connection_class)
    return opened


def _obedient(kind: type[Any]) -> type[Any]:
    """Return the kind of connection that connects only where it may."""

    class Obedient(kind):  # type: ignore[misc]
        def connect(self) -> None:
            self._ask()
            super().connect()

        def connect_check_health(self, *args: Any, **kwargs: Any) -> None:
            self._ask()
            super().connect_check_health(*args, **kwargs)

        def _ask(self) -> None:
            if not (self._sock or _may_connect.get()):
                message = "no connection is open"
                raise redis.ConnectionError(message)

    return Obedient


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
