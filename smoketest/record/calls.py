"""What is asked of Redis, alone or two things in one trip."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import redis
from redis.cluster import RedisCluster

from smoketest.record.clients import Client

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
        return self.read(self.ask_raw())

    def ask_raw(self) -> Any:
        """Return what Redis answers, as `ask` does."""
        with self.client.answering() as server:
            try:
                return server.execute_command(*self.command)
            except redis.exceptions.NoScriptError:
                return server.execute_command(*self.command_in_full)


class Trip(Generic[A, B]):
    """Two things that are asked of one client in one trip; something else may be done before they are answered.

    The second is asked in any case. On a cluster, whose nodes answer each for themselves, they are two trips. Leaving it
    before the answers are there leaves them behind. Raises QueueUnavailableError where Redis does not answer.
    """

    def __init__(self, first: Call[A], second: Call[B]) -> None:
        """Take what is asked; it sets out when it is entered."""
        self._calls = first, second
        self._client = first.client
        self._pool: Any = None
        self._connection: Any = None
        self._answers: list[Any] = []

    def __enter__(self) -> "Trip[A, B]":
        """Ask, without waiting."""
        with self._client.answering() as server:
            if not isinstance(server, RedisCluster):
                self._set_out(server.connection_pool)
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave behind what is not answered yet."""
        self._leave()

    def first(self) -> A:
        """Return the answer to the first; wait for both, once."""
        return self._calls[0].read(self._raw()[0])

    def second(self) -> B:
        """Return the answer to the second; wait for both, once."""
        return self._calls[1].read(self._raw()[1])

    def _raw(self) -> list[Any]:
        self._answers = self._answers or self._arrived() or [call.ask_raw() for call in self._calls]
        return self._answers

    def _set_out(self, pool: Any) -> None:
        self._pool, self._connection = pool, pool.get_connection()
        try:
            commands = [call.command for call in self._calls]
            # By itself: a pipeline of redis-py's waits for the answers.
            self._connection.send_packed_command(self._connection.pack_commands(commands))
        except redis.ConnectionError:  # closed by the server meanwhile: asked one by one, then
            self._leave()
        except BaseException:
            self._leave()
            raise

    def _arrived(self) -> list[Any]:
        """Return the raw answers; none where it is to be asked one by one: a script was not known there, say."""
        if not self._connection:
            return []
        with self._client.answering():
            try:
                found = [_answer(self._connection) for _ in self._calls]
            except redis.ConnectionError:  # closed by the server meanwhile
                self._leave()
                return []
            except BaseException:
                self._leave()
                raise
            self._pool.release(self._connection)
            self._connection = None
            if any(isinstance(each, redis.exceptions.NoScriptError) for each in found):
                return []
            for error in found:
                if isinstance(error, redis.RedisError):
                    raise error
            return found

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.disconnect()
            self._pool.release(connection)


def ask_both(first: Call[A], second: Call[B]) -> tuple[A, B]:
    """Return the answers to two calls, asked in one trip."""
    with Trip(first, second) as trip:
        return trip.first(), trip.second()


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error
