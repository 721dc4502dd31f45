"""What is asked of Redis, alone or two things in one trip."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Self, TypeVar

import redis
from redis.cluster import RedisCluster
from redis.exceptions import NoScriptError

from smoketest.errors import QueueUnavailableError
from smoketest.record.clients import Client

_LONG_SECONDS = 1.0
"""A connection that was waited at for so long is not kept: as many would stay as there have ever been at once."""

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Call(Generic[A]):
    """What is asked of Redis; it may be asked again."""

    client: Client
    command: tuple[str | int | float, ...]
    read: Callable[[Any], A]
    """Makes an answer of what Redis has answered."""
    command_in_full: tuple[str | int | float, ...] = ()
    """Of a script, for a server that does not know it yet."""

    def ask(self) -> A:
        """Return the answer; raises QueueUnavailableError where Redis does not answer."""
        with _Trip(self) as trip:
            return self.read(trip.answers()[0])

    def ask_patiently(self, server: Any) -> Any:
        """Return what the server answers; it is asked once more where it closes the connection."""
        try:
            return server.execute_command(*self.command)
        except NoScriptError:
            return server.execute_command(*self.command_in_full)


class Both(Generic[A, B]):
    """Two things that are asked of one client in one trip; something else may be done before they are answered.

    The nodes of a cluster answer each for themselves: there it is two trips, waited for at once. Leaving it before
    the answers are there leaves them behind. Raises QueueUnavailableError where Redis does not answer.
    """

    def __init__(self, first: Call[A], second: Call[B]) -> None:
        """Take what is asked; it sets out when it is entered."""
        self._first = first
        self._second = second
        self._trip = _Trip(first, second)

    def __enter__(self) -> Self:
        """Ask, without waiting."""
        self._trip.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """Leave behind what is not answered yet."""
        self._trip.__exit__(*error)

    def first(self) -> A:
        """Return the answer to the first; wait for both, once."""
        return self._first.read(self._trip.answers()[0])

    def second(self) -> B:
        """Return the answer to the second; wait for both, once."""
        return self._second.read(self._trip.answers()[1])


def ask_both(first: Call[A], second: Call[B]) -> tuple[A, B]:
    """Return the answers to two calls, asked in one trip."""
    with Both(first, second) as both:
        return both.first(), both.second()


class _Trip:
    """What is asked on one connection, all before the first answer, and without what redis-py does for each command.

    On a cluster there is none: all is asked one by one.
    """

    def __init__(self, *calls: Call[Any]) -> None:
        self._calls = calls
        self._client = calls[0].client
        self._began = time.monotonic()
        self._pool: Any = None
        self._connection: Any = None
        self._answers: list[Any] = []
        self._failure: QueueUnavailableError | None = None

    def __enter__(self) -> Self:
        with self._client.answering() as server:
            if isinstance(server, RedisCluster):
                self._answers = [call.ask_patiently(server) for call in self._calls]
            else:
                self._set_out(server.connection_pool)
        return self

    def __exit__(self, *_error: object) -> None:
        self._leave()

    def answers(self) -> list[Any]:
        if self._failure:
            raise self._failure
        if not self._answers:
            try:
                with self._client.answering() as server:
                    self._answers = self._completed(self._arrived(), server)
            except QueueUnavailableError as error:
                self._failure = error  # whoever asks again is not to wait again
                raise
        return self._answers

    def _set_out(self, pool: Any) -> None:
        self._pool, self._connection = pool, pool.get_connection()
        try:
            commands = [call.command for call in self._calls]
            self._connection.send_packed_command(self._connection.pack_commands(commands))
        except redis.ConnectionError:  # closed by the server meanwhile
            self._leave()
        except BaseException:
            self._leave()
            raise

    def _arrived(self) -> list[Any]:
        """Return what has been answered, errors too; nothing where the server has closed the connection."""
        connection = self._connection
        if not connection:
            return []
        try:
            answers = [_answer(connection) for _ in self._calls]
        except redis.ConnectionError:
            self._leave()
            return []
        except BaseException:
            self._leave()
            raise
        if time.monotonic() - self._began > _LONG_SECONDS:
            self._leave()
        else:
            self._connection = None
            self._pool.release(connection)
        return answers

    def _completed(self, answers: list[Any], server: Any) -> list[Any]:
        """Return the answers, those anew that are missing or were of a server that did not know the script."""
        if not answers:
            return [call.ask_patiently(server) for call in self._calls]
        found = [
            server.execute_command(*call.command_in_full) if isinstance(each, NoScriptError) else each
            for call, each in zip(self._calls, answers, strict=True)
        ]
        for each in found:
            if isinstance(each, redis.RedisError):
                raise each
        return found

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            try:
                connection.disconnect()
            finally:
                self._pool.release(connection)


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error
