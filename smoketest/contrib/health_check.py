"""Runs the check classes of django-health-check 4, so that a project keeps what it has."""

import re
from collections.abc import Awaitable, Collection, Mapping
from typing import Any, ClassVar

from django.utils.module_loading import import_string
from health_check import HealthCheck
from health_check.exceptions import HealthCheckException

from smoketest.cases import SmokeTest
from smoketest.contrib.one_each import one_test_each

Check = type[HealthCheck] | str
"""A check's class, or its dotted path."""


class HealthChecksTest(SmokeTest):
    """Each of `checks` is run; the words of its `HealthCheckException` are the message of the failed test.

    As with `HealthCheckView`, a `ServiceWarning` fails too. The time limit is the smoke test's.
    """

    abstract = True
    checks: ClassVar[Collection[Check | tuple[Check, Mapping[str, Any]]]] = ()
    """As for `HealthCheckView.as_view(checks=...)`: classes or dotted paths, each alone or with its arguments."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make one test a check."""
        super().__init_subclass__(**kwargs)
        one_test_each(cls, "checks", HealthChecksTest._look, _name)

    def _look(self, entry: Check | tuple[Check, Mapping[str, Any]]) -> Awaitable[None] | None:
        check = _make(entry)
        try:
            running = check.run()
        except HealthCheckException as error:
            raise AssertionError(str(error)) from error
        return _finish(running) if running is not None else None


async def _finish(running: Awaitable[None]) -> None:
    try:
        await running
    except HealthCheckException as error:
        raise AssertionError(str(error)) from error


def _make(entry: Check | tuple[Check, Mapping[str, Any]]) -> Any:
    found, options = entry if isinstance(entry, tuple) else (entry, {})
    return (import_string(found) if isinstance(found, str) else found)(**options)


def _name(entry: Check | tuple[Check, Mapping[str, Any]]) -> str:
    """Return a check's name in lower case and underscores."""
    found = entry[0] if isinstance(entry, tuple) else entry
    name = found.rpartition(".")[2] if isinstance(found, str) else found.__name__
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
