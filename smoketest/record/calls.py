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
        with self.client.answering() as server:
            try:
                answer = server.execute_command(*self.command)
            except redis.exceptions.NoScriptError:
                answer = server.execute_command(*self.command_in_full)
        return self.read(answer)


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
        self._answers: tuple[A, B] | None = None

    def __enter__(self) -> "Trip[A, B]":
        """Ask, without waiting."""
        with self._client.answering() as server:
            if not isinstance(server, RedisCluster):
                self._set_out(server.connection_pool)
        return self

    def __exit__(self, *_error: object) -> None:
        """Leave behind what is not answered yet."""
        self._leave()

    def answers(self) -> tuple[A, B]:
        """Wait for the answers, once, and return them."""
        if self._answers is None:
            first, second = self._calls
            found = self._arrived()
            self._answers = (first.read(found[0]), second.read(found[1])) if found else (first.ask(), second.ask())
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
        return trip.answers()


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error
