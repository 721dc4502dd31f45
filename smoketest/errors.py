"""Everything that django-smoketest raises, and what to do about it."""


class SmokeTestError(Exception):
    """The root of the errors that a caller may want to catch."""


class BadParameterError(SmokeTestError):
    """A parameter of a request can't be used; the message names the culprit and the mend."""


class SelectionError(BadParameterError):
    """Nothing is there of what was asked for; ask for something else, or for everything."""


class ListedClassError(SmokeTestError):
    """A dotted path in SMOKETEST_CONTRIB names no class of smoke tests that can be run; correct or remove it."""


class WrongReleaseError(SmokeTestError):
    """The app is of another release than the one asked for; ask again when the deploy has come through."""


class UnknownRunError(SmokeTestError):
    """No run has this id; ask for one that a start answered with."""


class GoneRunError(SmokeTestError):
    """The run existed and its record is gone; start another."""


class TooManyRunsError(SmokeTestError):
    """So many runs were started lately that no other is for now; ask again later, or raise the limit."""

    def __init__(self, message: str, *, after_seconds: float) -> None:
        """Take what to tell, and when there is room again."""
        super().__init__(message)
        self.after_seconds = after_seconds


class QueueUnavailableError(SmokeTestError):
    """Redis or the broker does not answer; nothing was queued, so mend the cause and ask again."""


class EndTestError(BaseException):
    """The root of what ends a test from outside.

    It derives from `BaseException` so that an `except Exception` in the tested code can't swallow it.
    """


class TimeLimitExceeded(EndTestError):  # noqa: N818 (Celery's name)
    """The test ran into its own time limit; raise the limit or mend what it waits for."""


class GuardViolation(EndTestError):  # noqa: N818
    """The test did what could outlive its rollback; mark it `@commits` if that is meant."""


class TestAbandoned(EndTestError):  # noqa: N818
    """The test was given up at its time limit and goes on in vain; mend what it waits for."""


class TestInterrupted(EndTestError):  # noqa: N818
    """The test raised KeyboardInterrupt, which unittest would take for the end of the whole run."""
