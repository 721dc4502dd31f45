"""A report as `application/health+json`, held against the rules of the draft."""

import json
from dataclasses import replace

import jsonschema
import pytest

from smoketest.report import health
from smoketest.report.summary import for_stranger, summarise
from smoketest.results import Outcome, Status
from tests.core.finished import REPORT, RUNNING
from tests.core.making import make_result, make_run

GREEN = summarise(make_run(make_result("a.smoke.ATest.test_it", Outcome.PASSED), seconds=0.25))
STATUS = {"enum": ["pass", "fail", "warn"]}
TEXT = {"type": "string", "minLength": 1}
# https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06#section-3 as a schema.
DRAFT = {
    "type": "object",
    "required": ["status"],
    "additionalProperties": False,
    "properties": {
        "status": STATUS,
        "version": TEXT,
        "releaseId": TEXT,
        "serviceId": TEXT,
        "description": TEXT,
        "notes": {"type": "array", "items": TEXT},
        "output": TEXT,
        "links": {"type": "object", "additionalProperties": {"type": "string", "format": "uri"}},
        "checks": {
            "type": "object",
            "propertyNames": {"pattern": "^[^:]+:(utilization|responseTime|connections|uptime)$"},
            "additionalProperties": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["status"],
                    "dependentRequired": {"observedValue": ["observedUnit"]},
                    "properties": {
                        "componentId": TEXT,
                        "componentType": {"enum": ["component", "datastore", "system"]},
                        "observedValue": {"type": "number"},
                        "observedUnit": TEXT,
                        "status": STATUS,
                        "time": {"type": "string", "format": "date-time"},
                        "output": TEXT,
                        "links": {"type": "object"},
                    },
                },
            },
        },
    },
    # Output is left out of what passes.
    "if": {"properties": {"status": {"const": "pass"}}},
    "then": {"not": {"required": ["output"]}},
}
VALIDATOR = jsonschema.Draft202012Validator(DRAFT, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize(
    "text",
    [
        health.render(REPORT),
        health.render(for_stranger(REPORT)),
        health.render(RUNNING),
        health.render(GREEN),
        health.render(summarise(make_run())),
        health.render_list([RUNNING, REPORT]),
        health.render_list([]),
    ],
)
def test_draft(text):
    """All of it is what the draft asks for."""
    VALIDATOR.validate(json.loads(text))


@pytest.mark.parametrize(
    ("report", "status"),
    [(GREEN, "pass"), (REPORT, "fail"), (RUNNING, "warn"), (replace(REPORT, status=Status.CANCELLED), "fail")],
)
def test_status(report, status):
    """What goes on is `warn`: the draft wants a 2xx with that, and 202 is its status."""
    assert json.loads(health.render(report))["status"] == status


def test_finished():
    """Each test is a check, measured by its time; what did not pass says why."""
    values = json.loads(health.render(REPORT))

    (check,) = values["checks"]["shop.smoke.CartTest.test_hangs:responseTime"]
    assert values["releaseId"] == "r1"
    assert check == {
        "componentId": "shop.smoke.CartTest.test_hangs",
        "componentType": "component",
        "observedValue": 5000.0,
        "observedUnit": "ms",
        "status": "fail",
        "time": "2026-11-22T10:00:03.300079+00:00",
        "output": "timed out after 5 s",
        "outcome": "errored (timeout)",
    }
    assert {name.split(".")[-1]: each["status"] for name, (each,) in values["checks"].items()} == {
        "test_adds:responseTime": "pass",
        "test_hangs:responseTime": "fail",
        "test_pays:responseTime": "fail",
        "test_prints:responseTime": "warn",
        "smoke:responseTime": "fail",
    }


def test_stranger():
    """A stranger gets the ids of the tests that did not pass, and neither output nor times of them."""
    assert health.render(for_stranger(replace(REPORT, rows=REPORT.rows[:2]))) == (
        '{"status": "fail", "description": "smoke tests", '
        '"notes": ["FAIL: 1 passed, 1 failed, 2 errored, 1 skipped of 5 tests in 3.3 s"], '
        '"links": {"self": "https://example.com/smoketest/runs/run-1/"}, '
        '"checks": {"shop.smoke.CartTest.test_hangs:responseTime": [{"componentId": "shop.smoke.CartTest.test_hangs", '
        '"componentType": "component", "status": "fail", "time": "2026-11-22T10:00:03.300079+00:00", '
        '"outcome": "errored (timeout)"}]}}\n'
    )


def test_reason():
    """A run of nothing says why it fails."""
    assert json.loads(health.render(summarise(make_run())))["output"] == "no test was found to run"


def test_list():
    """A list has the status of the newest run that has come to a verdict, and a check for each."""
    cancelled = replace(REPORT, status=Status.CANCELLED, run_id="run-3")

    values = json.loads(health.render_list([RUNNING, cancelled, REPORT]))

    assert values["status"] == "fail"
    assert values["notes"] == json.loads(health.render(REPORT))["notes"]
    assert {name: check["status"] for name, (check,) in values["checks"].items()} == {
        "run-2:responseTime": "warn",
        "run-3:responseTime": "fail",
        "run-1:responseTime": "fail",
    }
