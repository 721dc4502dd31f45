"""Runs one test under its guard and always answers a result: the one place where a test runs."""

import os
import platform
import time
import unittest
from collections.abc import Callable
from functools import partial
from types import TracebackType

from smoketest.cases import SmokeTest, added_cleanups, current_clock
from smoketest.clock import Clock
from smoketest.errors import EndTestError, GuardViolation, TestInterrupted, TimeLimitExceeded
from smoketest.execution import kinship
from smoketest.execution.capture import Captured, start_capture, stop_capture
from smoketest.execution.fixtures import Fixtures, attempt
from smoketest.execution.guards.limits import is_time_limit
from smoketest.execution.guards.protocol import Guard
from smoketest.execution.leftovers import Leftovers, start_watch, stop_watch
from smoketest.execution.loops import start_own_loops, stop_own_loops
from smoketest.failures import cut, message_of, traceback_of
from smoketest.results import Cause, Outcome, Result, Step

COMMITS_WARNING = "marked @commits: what it wrote to the databases stays"

Execute = Callable[[Step], Result]
"""Runs the test of a step; never raises."""

_HOST = platform.node()

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


def execute(
    step: Step, test_class: type[SmokeTest] | None, *, fixtures: Fixtures, guard: Guard, clock: Clock
) -> Result:
    """Run the test of `step` and return its result, whatever the test does short of ending its process.

    `test_class` is what this process knows by the step's id; `fixtures` and `guard` are those of this thread, and
    `clock` tells the guard how long the databases may take. Whoever calls keeps the time limit.
    """
    if test_class is None:
        return not_here(step)
    recorder = _Recorder(clock)
    captured = Captured()
    leftovers = Leftovers(is_guarded=step.is_rolled_back)
    began = time.perf_counter()
    tokens = current_clock.set(clock), start_capture(captured), start_watch(leftovers), start_own_loops()
    try:
        _run(step, test_class, recorder, fixtures, guard, clock)
    except BaseException as error:  # noqa: BLE001 (whatever a test raises is its result, sys.exit() too)
        recorder.note(error)
    finally:
        leftovers.end(clock.deadline)
        stop_own_loops(tokens[3])
        stop_watch(tokens[2])
        stop_capture(tokens[1])
        current_clock.reset(tokens[0])
    recorder.note_violations(guard.violations() + leftovers.violations)
    outcome, cause = recorder.verdict()
    return Result(
        id=step.id,
        outcome=outcome,
        cause=cause,
        duration_seconds=time.perf_counter() - began,
        message=cut("\n".join(recorder.messages)),
        traceback=cut("\n".join(recorder.tracebacks)),
        stdout=captured.text("stdout"),
        stderr=captured.text("stderr"),
        logs=captured.text("logs"),
        warnings=leftovers.warnings if step.is_rolled_back else (COMMITS_WARNING, *leftovers.warnings),
        host=_HOST,
        pid=os.getpid(),
    )


def not_here(step: Step) -> Result:
    """Return the result of a step whose test this process' code does not have."""
    return Result(
        id=step.id,
        outcome=Outcome.ERRORED,
        cause=Cause.IMPORT,
        message=f"this process has no test {step.id}: its code is older or newer, or a module would not load",
        host=_HOST,
        pid=os.getpid(),
    )


def _run(
    step: Step, test_class: type[SmokeTest], recorder: "_Recorder", fixtures: Fixtures, guard: Guard, clock: Clock
) -> None:
    is_skipped = getattr(test_class, "__unittest_skip__", False)
    try:
        if is_skipped or fixtures.enter(step, test_class, clock, recorder.note):
            with guard.level(test_class.databases, clock) if step.is_rolled_back else guard.unguarded():
                added = added_cleanups.set(None if step.test_class in step.scopes else [])
                try:
                    kinship.call_without_forks(partial(test_class(step.test_id.rpartition(".")[2]).run, recorder))
                    _clean_up(recorder)  # below the guard: it may write as the test itself may
                finally:
                    added_cleanups.reset(added)
    finally:
        fixtures.leave(step.keeps, recorder.note, clock)


def _clean_up(recorder: "_Recorder") -> None:
    cleanups = added_cleanups.get()
    while cleanups:
        for error in attempt(cleanups.pop()):
            recorder.note(error)


class _Recorder(unittest.TestResult):
    """Takes what unittest reports of one test."""

    failfast = shouldStop = buffer = tb_locals = False  # noqa: N815

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Not unittest's own: what it sets up (a dozen lists, the streams) is for a whole suite.
        self.messages: list[str] = []
        self.tracebacks: list[str] = []
        self._outcomes: list[Outcome] = []
        self._causes: list[Cause] = []
        self._subtests: list[Outcome] = []

    def verdict(self) -> tuple[Outcome, Cause | None]:
        """Return the worst of what happened and its cause; a test of which nothing was heard did not pass."""
        if self._outcomes == [Outcome.PASSED]:
            return Outcome.PASSED, None
        # Where subtests were skipped unittest reports neither success nor skip of the test itself.
        has_passed = Outcome.PASSED in self._subtests
        heard = self._outcomes or ([Outcome.PASSED] if has_passed else self._subtests)
        ranking = (Outcome.ERRORED, Outcome.FAILED, Outcome.SKIPPED, Outcome.PASSED)
        outcome = next((each for each in ranking if each in heard), Outcome.ERRORED)
        if outcome is not Outcome.ERRORED:
            return outcome, None
        known = (cause for cause in (Cause.TIMEOUT, Cause.GUARD) if cause in self._causes)
        return outcome, next(known, Cause.EXCEPTION)

    def note(self, error: BaseException, *, where: str = "") -> None:
        """Take an exception from the test, its fixtures or its cleanups."""
        if isinstance(error, unittest.SkipTest):
            self._add(Outcome.SKIPPED, str(error))
        elif isinstance(error, AssertionError):
            self._add(Outcome.FAILED, where + message_of(error), traceback_of(error))
        else:
            self._note_error(error, where)

    def note_violations(self, violations: list[str]) -> None:
        """Take what the guard saw, even where the test has swallowed the exception."""
        for violation in violations:
            self._causes.append(Cause.GUARD)
            is_told = any(violation in message for message in self.messages)
            self._add(Outcome.ERRORED, "" if is_told else violation)

    def _note_error(self, error: BaseException, where: str) -> None:
        if isinstance(error, TestInterrupted) and error.__cause__:
            error = error.__cause__
        if isinstance(error, TimeLimitExceeded) or is_time_limit(error, self._clock):
            self._causes.append(Cause.TIMEOUT)
        if isinstance(error, GuardViolation):
            self._causes.append(Cause.GUARD)
        self._add(Outcome.ERRORED, where + message_of(error), traceback_of(error))

    def _add(self, outcome: Outcome, message: str = "", trace: str = "") -> None:
        self._outcomes.append(outcome)
        if message:
            self.messages.append(message)
        if trace:
            self.tracebacks.append(trace)

    # unittest's names from here on

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        pass

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        pass

    def addDuration(self, test: unittest.TestCase, elapsed: float) -> None:  # noqa: N802
        pass

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802, ARG002
        self._add(Outcome.PASSED)

    def addFailure(self, test: unittest.TestCase, err: _ExcInfo) -> None:  # noqa: N802, ARG002
        if err[1] is not None:
            self._add(Outcome.FAILED, message_of(err[1]), traceback_of(err[1]))

    def addError(self, test: unittest.TestCase, err: _ExcInfo) -> None:  # noqa: N802, ARG002
        if err[1] is not None:
            self._note_error(err[1], "")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: _ExcInfo | None) -> None:  # noqa: N802, ARG002
        if err is None:
            self._subtests.append(Outcome.PASSED)
        elif err[1] is not None:
            self.note(err[1], where=f"{subtest._subDescription()}: ")  # type: ignore[attr-defined] # noqa: SLF001

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        # A skipped subtest is no skipped test; unittest hands in its _SubTest, which holds the test as test_case.
        if hasattr(test, "test_case"):
            self._subtests.append(Outcome.SKIPPED)
        else:
            self._add(Outcome.SKIPPED, str(reason))  # a lazy translation, say

    def addExpectedFailure(self, test: unittest.TestCase, err: _ExcInfo) -> None:  # noqa: N802
        # What ends a test from outside is not the failure that its author knows of.
        if isinstance(err[1], EndTestError) or (err[1] and is_time_limit(err[1], self._clock)):
            self.addError(test, err)
        else:
            self._add(Outcome.PASSED)

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802, ARG002
        self._add(Outcome.FAILED, "passed, but is marked with expectedFailure")
