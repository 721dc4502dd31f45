"""What is raised behind the door, as a problem that the caller may see."""

import logging
import re

from django.core.exceptions import ImproperlyConfigured

from smoketest import own_secrets
from smoketest.errors import (
    BadParameterError,
    GoneRunError,
    QueueUnavailableError,
    SelectionError,
    SmokeTestError,
    TooManyRunsError,
    UnknownRunError,
    WrongReleaseError,
)
from smoketest.report.problem import Problem

logger = logging.getLogger("smoketest")

_PROBLEMS: dict[type[Exception], tuple[int, str]] = {
    SelectionError: (400, "Nothing Selected"),
    BadParameterError: (400, "Bad Request"),
    UnknownRunError: (404, "Not Found"),
    WrongReleaseError: (409, "Wrong Release"),
    GoneRunError: (410, "Gone"),
    TooManyRunsError: (429, "Too Many Requests"),
    ImproperlyConfigured: (500, "Improperly Configured"),
    QueueUnavailableError: (503, "Service Unavailable"),
}
"""What is raised -> the status and title of the answer; the first that fits."""
_FOR_STRANGERS: dict[type[Exception], str] = {
    ImproperlyConfigured: "{setting} can't be used; the app's log tells why",
    QueueUnavailableError: "the queue can't be reached; the app's log tells why",
}
"""What is raised -> what a stranger is told in place of its message, which holds values of settings, or addresses."""
_SETTING = re.compile(r"\b(?:SMOKETEST_[A-Z_]+|SECRET_KEY)\b")


def problem_of(error: SmokeTestError | ImproperlyConfigured, *, is_stranger: bool) -> Problem:
    """Return the problem, without secrets; what a stranger is not told goes to the log."""
    kind = next(each for each in _PROBLEMS if isinstance(error, each))
    status, title = _PROBLEMS[kind]
    told = own_secrets.scrubber().text(str(error))
    if is_stranger and kind in _FOR_STRANGERS:
        logger.warning("%s: %s", title, told)
        setting = _SETTING.search(told)
        told = _FOR_STRANGERS[kind].format(setting=setting[0] if setting else "a setting")
    return Problem(status=status, title=title, detail=told)
