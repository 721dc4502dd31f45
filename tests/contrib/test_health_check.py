"""smoketest.contrib.health_check: real check classes, run both ways."""

import asyncio
import dataclasses
import json

import pytest
from django.test import override_settings
from health_check import Cache, Database, HealthCheck, Storage
from health_check.exceptions import ServiceReturnedUnexpectedResult, ServiceUnavailable, ServiceWarning
from health_check.views import HealthCheckView

from smoketest.contrib import health_check
from smoketest.results import Cause, Outcome
from tests.contrib.running import answer_of, result_of, results_of
from tests.project.shop.models import FooModel


@dataclasses.dataclass
class Stock(HealthCheck):
    """Says of itself what it is told to."""

    error: str = ""

    def run(self):
        if self.error:
            raise ERRORS[self.error]("no shoes")


@dataclasses.dataclass
class LaterStock(Stock):
    """The same, awaited."""

    async def run(self):
        await asyncio.sleep(0)
        super().run()


@dataclasses.dataclass
class WritingStock(HealthCheck):
    """Writes a row, for good where nobody rolls it back."""

    def run(self):
        FooModel.objects.create(name="written by a check")


ERRORS = {
    "unavailable": ServiceUnavailable,
    "warning": ServiceWarning,
    "unexpected": ServiceReturnedUnexpectedResult,
    "crash": RuntimeError,
}


def seen_by_health_check(check):
    """Return whether django-health-check's own view calls the check sound, and its words."""
    view = HealthCheckView.as_view(checks=[check])
    response = answer_of(view, format="json")
    (words,) = json.loads(response.content).values()
    return response.status_code == 200, words


CHECKS = [
    Cache,
    (Cache, {"alias": "nowhere"}),
    "health_check.Cache",
    (Database, {"alias": "nowhere"}),
    Storage,
    (Storage, {"alias": "nowhere"}),
    *((Stock, {"error": error}) for error in ("", "unavailable", "warning", "unexpected")),
    *((LaterStock, {"error": error}) for error in ("", "unavailable", "warning", "unexpected")),
]


@pytest.mark.filterwarnings("ignore:.*coroutine")
@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_both_ways(check, tmp_path):
    """A check passes or fails as a smoke test as it does in django-health-check's view, with the same words."""
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    with override_settings(STORAGES={"default": files}):
        is_sound, words = seen_by_health_check(check)

        result = result_of(health_check.HealthChecksTest, checks=[check])

    assert result.outcome is (Outcome.PASSED if is_sound else Outcome.FAILED), result.message
    assert result.message == ("" if is_sound else words)


@pytest.mark.parametrize("check", [Stock, LaterStock])
def test_crash(check):
    """An exception of another kind is an error, told where django-health-check hides it."""
    result = result_of(health_check.HealthChecksTest, checks=[(check, {"error": "crash"})])

    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.EXCEPTION)
    assert result.message == "RuntimeError: no shoes"


def test_each_check():
    """Each check is a test of its own, named by it."""
    results = results_of(
        health_check.HealthChecksTest, checks=[Stock, (LaterStock, {"error": "warning"}), LaterStock, Database]
    )

    assert {name: str(result.outcome) for name, result in results.items()} == {
        "test_stock": "passed",
        "test_later_stock": "failed",
        "test_later_stock_2": "passed",
        "test_database": "passed",
    }


def test_unknown():
    """A dotted path that leads nowhere is an error of that test alone."""
    results = results_of(health_check.HealthChecksTest, checks=["nowhere.Check", Stock])

    assert results["test_stock"].outcome is Outcome.PASSED
    assert results["test_check"].message == "ModuleNotFoundError: No module named 'nowhere'"


def test_rolled_back():
    """What a check writes to a database is rolled back."""
    result = result_of(health_check.HealthChecksTest, checks=[WritingStock])

    assert result.outcome is Outcome.PASSED
    assert not FooModel.objects.exists()
