"""The Django app."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from django.apps import AppConfig
from django.core import checks
from django.core.signals import setting_changed
from django.db.backends.signals import connection_created

from smoketest import own_secrets
from smoketest.cases import SmokeTest
from smoketest.checks import check_probes, check_redirect, check_settings, check_store
from smoketest.execution.guards.callers_connections import CallersConnections
from smoketest.execution.guards.escapes import note_connection


class SmoketestConfig(AppConfig):
    """Registers the system checks, the watch on connections, and the guard where another test runner runs the tests."""

    name = "smoketest"
    verbose_name = "Smoke tests"

    def ready(self) -> None:
        """Register."""
        checks.register(check_settings, "smoketest")
        checks.register(check_probes, "smoketest")
        checks.register(check_store, "smoketest", deploy=True)
        checks.register(check_redirect, "smoketest", deploy=True)
        SmokeTest._own_guard = staticmethod(CallersConnections().level)  # noqa: SLF001 (ours)
        SmokeTest._on_commit = staticmethod(_capture_on_commit)  # noqa: SLF001 (ours)
        setting_changed.connect(own_secrets.forget, dispatch_uid="smoketest")
        connection_created.connect(note_connection, dispatch_uid="smoketest")


def _capture_on_commit(*, using: str, execute: bool) -> AbstractContextManager[list[Callable[[], object]]]:
    from django.test import TestCase  # noqa: PLC0415 (a process loads Django's test tools only if a test needs them)

    return TestCase.captureOnCommitCallbacks(using=using, execute=execute)
