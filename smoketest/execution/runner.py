"""Runs queued tests in a supervised process: both sides of its channel, and how each ending becomes a result."""

import contextvars
import os
import platform
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from types import FrameType
from typing import Any

from smoketest.errors import TimeLimitExceeded
from smoketest.execution.belongings import Belongings, Left
from smoketest.execution.channel import Channel
from smoketest.execution.execute import Execute
from smoketest.execution.starting import fork_warden
from smoketest.execution.supervised import Ending
from smoketest.execution.supervisor import Supervisor
from smoketest.execution.warden import INTERRUPT, Serve, messages_of
from smoketest.results import Cause, Outcome, Result, Step

OpenSession = Callable[[], AbstractContextManager[Execute]]


def make_supervisor(open_session: OpenSession) -> Supervisor:
    """Return a supervisor whose process, forked from this one, runs the steps that it is asked."""
    return Supervisor(lambda: fork_warden(make_serve(open_session)))


def make_serve(open_session: OpenSession) -> Serve:
    """Return what the process does: run the steps that come through its channel."""
    return lambda channel: _serve(channel, open_session)


def run_supervised(step: Step, supervisor: Supervisor, *, is_wanted: Callable[[], bool] = lambda: True) -> Result:
    """Run the step's test in the supervised process and return its result, however it ends.

    It is ended early when `is_wanted`, which is asked now and then, says no.
    """
    ending = supervisor.ask(
        step.as_dict(), seconds=step.timeout_seconds, is_wanted=is_wanted, is_continued=bool(step.keeps)
    )
    if ending.answer is None:
        return _without_answer(step, ending)
    try:
        result, is_spent = Result.from_dict(ending.answer["result"]), ending.answer["is_spent"]
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # somebody else has written to the pipe
        supervisor.renew()
        return _without_answer(step, replace(ending, failure=f"{type(error).__name__}: {error}"))
    if not step.keeps and (is_spent or supervisor.is_old):
        supervisor.renew()
    is_late = ending.is_timeout and (result.duration_seconds or 0.0) > step.timeout_seconds
    return _timed_out(result, step) if is_late else result


def _timed_out(result: Result, step: Step) -> Result:
    """Return the result of a test that has ended after its limit, whatever it says of itself."""
    if result.cause is Cause.TIMEOUT:
        return result
    message = f"timed out after {step.timeout_seconds:g} s; it went on in spite of the interrupt"
    return replace(result, outcome=Outcome.ERRORED, cause=Cause.TIMEOUT, message=message)


def _without_answer(step: Step, ending: Ending) -> Result:
    return Result(
        id=step.id,
        outcome=Outcome.ERRORED,
        cause=_cause(ending),
        duration_seconds=ending.seconds,
        message=_message(step, ending),
        traceback=ending.stack,
        host=platform.node(),
    )


def _cause(ending: Ending) -> Cause:
    if ending.refusal or ending.is_unwanted:
        return Cause.NOT_RUN
    return Cause.TIMEOUT if ending.is_timeout else Cause.CRASH


_CANNOT_ANSWER = os.EX_IOERR


def _message(step: Step, ending: Ending) -> str:
    if ending.is_timeout:
        return f"timed out after {step.timeout_seconds:g} s; it did not heed the interrupt, so its process was killed"
    if ending.is_unwanted:
        return "ended while it ran: nobody waits for it any more"
    if ending.refusal:
        return f"there is no process to run it in: {ending.refusal}"
    if ending.failure:
        return f"its process could not be used: {ending.failure}"
    return _obituary(ending.exit_code)


def _obituary(exit_code: int | None) -> str:
    if exit_code is None:
        return "its process closed the connection to its supervisor and was killed"
    if exit_code < 0:
        names = {each.value: each.name for each in signal.Signals}  # not all real-time signals have one
        return f"its process was ended by signal {names.get(-exit_code, -exit_code)}"
    if exit_code == _CANNOT_ANSWER:
        return "its process could not answer: the test has closed its files"
    return f"its process ended itself with exit code {exit_code}"


class _Limit:
    """The time limit of the test that runs now, as a signal handler."""

    def __init__(self) -> None:
        self._step: Step | None = None
        self._was_hit = False
        signal.signal(INTERRUPT, self._hit)

    def run(self, step: Step, execute: Execute) -> Result:
        self._step, self._was_hit = step, False
        try:
            # A context of its own: what a test sets (language, time zone ...) is not there for the next.
            result = contextvars.Context().run(execute, step)
        except TimeLimitExceeded:  # it hit just between the end of the test and ours
            result = Result(id=step.id, outcome=Outcome.ERRORED)
        self._step = None
        return _timed_out(result, step) if self._was_hit else result

    def _hit(self, _number: int, _frame: FrameType | None) -> None:
        if self._step:
            self._was_hit = True
            message = f"timed out after {self._step.timeout_seconds:g} s"
            raise TimeLimitExceeded(message)


def _serve(channel: Channel, open_session: OpenSession) -> None:
    limit = _Limit()
    with open_session() as execute:
        belongings = Belongings()

        def answer(message: dict[str, Any]) -> dict[str, Any]:
            step = Step.from_dict(message)
            result = limit.run(step, execute)
            # What fixtures have changed is theirs while they stand; a timer would hit the next test.
            left = belongings.stop_timers() if step.keeps else belongings.put_back()
            return {"result": _told(result, left).as_dict(), "is_spent": bool(left.stuck)}

        answer(_NOBODYS.as_dict())  # the first time is slow: no test's then, nor is what the session needs
        for message in messages_of(channel):
            answered = answer(message)
            try:
                channel.send(answered)
            except OSError:
                os._exit(_CANNOT_ANSWER)


_NOBODYS = Step(id="", test_class="", timeout_seconds=1.0)


def _told(result: Result, left: Left) -> Result:
    if not left.changed:
        return result
    return replace(result, warnings=(*result.warnings, f"left behind: {', '.join(left.changed)}"))
