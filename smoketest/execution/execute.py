"""Runs one test under its guard and always answers a result: the one place where a test runs."""

import os
import platform
import time
import unittest
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import TracebackType

from smoketest.cases import SmokeTest, is_guarded
from smoketest.errors import GuardViolation, TestInterrupted, TimeLimitExceeded
from smoketest.execution.capture import capture
from smoketest.execution.fixtures import Fixtures, class_cleanups
from smoketest.execution.guards.protocol import Guard
from smoketest.failures import cut, message_of, traceback_of
from smoketest.results import Cause, Outcome, Result, Step

COMMITS_WARNING = "marked @commits: what it wrote to the databases stays"

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]


def execute(step: Step, test_class: type[SmokeTest] | None, *, fixtures: Fixtures, guard: Guard) -> Result:
    """Run the test of `step` and return its result, whatever the test does short of ending its process.

    `test_class` is what this process knows by the step's id; `fixtures` and `guard` are those of this thread.
    """
    if test_class is None:
        return not_here(step)
    recorder = _Recorder()
    began = time.perf_counter()
    with _as_guarded(), capture() as captured:
        try:
            _run(step, test_class, recorder, fixtures, guard)
        except BaseException as error:  # noqa: BLE001 (whatever a test raises is its result, sys.exit() too)
            recorder.note(error)
    recorder.note_violations(guard.violations())
    return Result(
        id=step.id,
        outcome=recorder.outcome,
        cause=recorder.cause,
        duration_seconds=time.perf_counter() - began,
        message=cut("\n".join(recorder.messages)),
        traceback=cut("\n".join(recorder.tracebacks)),
        warnings=() if step.is_rolled_back else (COMMITS_WARNING,),
        host=platform.node(),
        pid=os.getpid(),
        stdout=cut(captured.stdout.getvalue()),
        stderr=cut(captured.stderr.getvalue()),
        logs=cut(captured.logs.getvalue()),
    )


def not_here(step: Step) -> Result:
    """Return the result of a step whose test this process' code does not have."""
    return Result(
        id=step.id,
        outcome=Outcome.ERRORED,
        cause=Cause.IMPORT,
        message=f"this process has no test {step.id}: its code is older or newer, or a module would not load",
        host=platform.node(),
        pid=os.getpid(),
    )


@contextmanager
def _as_guarded() -> Iterator[None]:
    token = is_guarded.set(True)
    try:
        yield
    finally:
        is_guarded.reset(token)


def _run(step: Step, test_class: type[SmokeTest], recorder: "_Recorder", fixtures: Fixtures, guard: Guard) -> None:
    is_skipped = getattr(test_class, "__unittest_skip__", False)
    if is_skipped or fixtures.enter(step, test_class, recorder.note):
        with _level(step, test_class, guard):
            test_class(step.id.rpartition(".")[2]).run(recorder)
        if step.test_class not in step.scopes:
            for error in class_cleanups(test_class):
                recorder.note(error)
    fixtures.leave(step.keeps, recorder.note)


def _level(step: Step, test_class: type[SmokeTest], guard: Guard) -> AbstractContextManager[None]:
    return guard.level(test_class.databases) if step.is_rolled_back else nullcontext()


class _Recorder(unittest.TestResult):
    """Takes what unittest reports of one test."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[str] = []
        self.tracebacks: list[str] = []
        self._outcomes: set[Outcome] = set()
        self._causes: set[Cause] = set()

    @property
    def outcome(self) -> Outcome:
        """The worst of what happened; a test of which nothing was heard did not pass."""
        for outcome in (Outcome.ERRORED, Outcome.FAILED, Outcome.SKIPPED, Outcome.PASSED):
            if outcome in self._outcomes:
                return outcome
        return Outcome.ERRORED

    @property
    def cause(self) -> Cause | None:
        if self.outcome is not Outcome.ERRORED:
            return None
        return next((cause for cause in (Cause.TIMEOUT, Cause.GUARD) if cause in self._causes), Cause.EXCEPTION)

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
            self._causes.add(Cause.GUARD)
            if not any(violation in message for message in self.messages):
                self._add(Outcome.ERRORED, violation)

    def _note_error(self, error: BaseException, where: str) -> None:
        if isinstance(error, TestInterrupted) and error.__cause__:
            error = error.__cause__
        if isinstance(error, TimeLimitExceeded):
            self._causes.add(Cause.TIMEOUT)
        if isinstance(error, GuardViolation):
            self._causes.add(Cause.GUARD)
        self._add(Outcome.ERRORED, where + message_of(error), traceback_of(error))

    def _add(self, outcome: Outcome, message: str = "", trace: str = "") -> None:
        self._outcomes.add(outcome)
        self.messages += [message] if message else []
        self.tracebacks += [trace] if trace else []

    # unittest's names from here on

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802, ARG002
        self._add(Outcome.PASSED)

    def addFailure(self, test: unittest.TestCase, err: _ExcInfo) -> None:  # noqa: N802, ARG002
        if err[1] is not None:
            self._add(Outcome.FAILED, message_of(err[1]), traceback_of(err[1]))

    def addError(self, test: unittest.TestCase, err: _ExcInfo) -> None:  # noqa: N802, ARG002
        if err[1] is not None:
            self._note_error(err[1], "")

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: _ExcInfo | None) -> None:  # noqa: N802, ARG002
        if err is not None and err[1] is not None:
            self.note(err[1], where=f"{subtest._subDescription()}: ")  # type: ignore[attr-defined] # noqa: SLF001

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        # A skipped subtest is no skipped test; unittest hands in its _SubTest, which holds the test as test_case.
        if not hasattr(test, "test_case"):
            self._add(Outcome.SKIPPED, reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: _ExcInfo) -> None:  # noqa: N802, ARG002
        self._add(Outcome.PASSED)

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802, ARG002
        self._add(Outcome.FAILED, "passed, but is marked with expectedFailure")
