"""The Django app."""

from django.apps import AppConfig
from django.core import checks

from smoketest.cases import SmokeTest
from smoketest.checks import check_settings, check_store
from smoketest.execution.guards.callers_connections import CallersConnections


class SmoketestConfig(AppConfig):
    """Registers the system checks, and the guard of smoke tests that another test runner runs."""

    name = "smoketest"
    verbose_name = "Smoke tests"

    def ready(self) -> None:
        """Register."""
        checks.register(check_settings, "smoketest")
        checks.register(check_store, "smoketest", deploy=True)
        SmokeTest._own_guard = staticmethod(CallersConnections().level)  # noqa: SLF001 (ours)
