"""A message goes through the broker to a worker, and its answer comes back."""

import secrets
from dataclasses import replace
from typing import ClassVar

from smoketest import conf
from smoketest.cases import SmokeTest
from smoketest.conf import Conf
from smoketest.contrib.telling import require, told, without_secrets
from smoketest.queue.dispatch import connecting, look, queue_of
from smoketest.record import echoes
from smoketest.tasks import echo


class WorkersTest(SmokeTest):
    """A worker takes a message from the queue and answers through the Redis of `SMOKETEST_REDIS_URL`.

    No result backend is needed, and what is left in Redis is gone after a minute. A worker that is busy answers
    late, not never: `patience_seconds` is how long a message may wait. In a queued run the test itself keeps one
    process busy, so it takes two at least; where all work on the run, the answer comes when the first is through.
    """

    abstract = True
    slow = True
    timeout = 60.0
    """Keep it a few seconds above `patience_seconds`, so that it is the test that tells what is wrong."""
    patience_seconds: ClassVar[float] = 50.0
    queue: ClassVar[str] = ""
    """The queue whose workers are asked; by default that of the runs, else the Celery app's."""

    def test_answer(self) -> None:
        require(not echo.app.conf.task_always_eager, "CELERY_TASK_ALWAYS_EAGER is on: nothing goes to a worker")
        settings, word = conf.current(), secrets.token_hex(16)
        settings = replace(settings, queue=self.queue) if self.queue else settings
        mend = "Look whether the broker runs, can be reached from this host and has memory and disk left"
        with told("no message can be sent", mend=mend), connecting(echo.app) as connection:
            queue = queue_of(echo.app, settings)
            echo.apply_async(args=(word,), connection=connection, retry=False, queue=queue)  # type: ignore[call-arg]
        with told("no answer can be waited for", mend="Look whether Redis runs and can be reached from this host"):
            is_answered = echoes.wait(settings.redis_url, word, self.patience_seconds)
        if not is_answered:
            self.fail(f"no worker answered within {self.patience_seconds:g} s: {_why(settings)}")


def _why(settings: Conf) -> str:
    """Return what can be said of a message without an answer."""
    queue = look(settings)
    if queue.messages:
        return (
            f"{queue.messages} messages wait in the queue {queue.name!r}. Look whether workers that consume it run; "
            "where they are only busy, let there be more of them or raise `patience_seconds`"
        )
    # Redis does not know an empty queue from none.
    return (
        f"no message waits in the queue {queue.name!r}, so a worker has it. Look whether it has a free process, "
        f"reaches Redis at {without_secrets(settings.redis_url)}, and knows the task smoketest.echo (an older release)"
    )
