"""The JSON Schemas and the OpenAPI description, held against what is rendered."""

import json as stdlib_json
from dataclasses import replace

import jsonschema
import pytest
from openapi_spec_validator import validate

from smoketest.report import json, problem
from smoketest.report.formats import FORMATS
from smoketest.report.summary import for_stranger, summarise
from smoketest.results import Cause, Outcome, Status
from tests.core.finished import COMPARED, REPORT, RUNNING
from tests.core.making import make_result, make_run
from tests.published import FOLDER, OPENAPI, SCHEMAS, check

GREEN = summarise(make_run(make_result("a.smoke.ATest.test_it", Outcome.PASSED)))
RESULT = SCHEMAS["report"]["$defs"]["result"]


@pytest.mark.parametrize("name", list(SCHEMAS))
def test_schemas_are_schemas(name):
    """Each schema is one by the rules of draft 2020-12."""
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def test_openapi_is_openapi():
    """The description is OpenAPI 3.1."""
    validate(OPENAPI, base_uri=(FOLDER / "openapi.json").as_uri())


@pytest.mark.parametrize(
    "report", [REPORT, COMPARED, for_stranger(COMPARED), for_stranger(REPORT), RUNNING, GREEN, summarise(make_run())]
)
def test_report(report):
    """Every report is what the schema says."""
    check("report", stdlib_json.loads(json.render(report)))


def test_list():
    """A list of runs is what the schema says, and has no key that it does not describe."""
    values = stdlib_json.loads(json.render_list([replace(REPORT, rows=()), RUNNING]))

    check("runs", values)
    assert {key for run in values["runs"] for key in run} <= set(SCHEMAS["runs"]["$defs"]["run"]["properties"])


def test_problem():
    """An error is what the schema says."""
    rendered = problem.render_json(problem.Problem(status=410, title="Gone", detail="start another"))

    check("problem", stdlib_json.loads(rendered))


@pytest.mark.parametrize(
    "change",
    [
        {"status": "OK"},
        {"tests_run": "4"},
        {"tests_passed": -1},
        {"failed_tests": None},
        {"status": "PASS"},
        {"results": [{"id": "a", "outcome": "errored"}]},
        {"results": [{"id": "a", "outcome": "passed", "cause": "timeout"}]},
    ],
)
def test_schema_refuses(change):
    """What is no report, or green by accident, is refused."""
    values = stdlib_json.loads(json.render(REPORT))

    with pytest.raises(jsonschema.ValidationError):
        check("report", values | change)


def test_every_key_is_described():
    """The golden report has no key that the schema does not describe."""
    values = json.as_dict(COMPARED)

    assert set(values) <= set(SCHEMAS["report"]["properties"])
    assert {key for result in values["results"] for key in result} <= set(RESULT["properties"])


def test_every_word_is_described():
    """The schema knows the words that results and runs use, and no others."""
    properties = SCHEMAS["report"]["properties"]

    assert properties["status"]["enum"] == [str(each) for each in Status]
    assert RESULT["properties"]["outcome"]["enum"] == [str(each) for each in Outcome]
    assert RESULT["properties"]["cause"]["enum"] == [str(each) for each in Cause]


def test_every_format_is_described():
    """The description names the formats of the table, and the media types by which they are negotiated."""
    content = OPENAPI["components"]["responses"]["Pass"]["content"]
    types = {each.content_type.partition(";")[0] for each in FORMATS.values() if each.accepts}

    assert OPENAPI["components"]["parameters"]["format"]["schema"]["enum"] == list(FORMATS)
    assert set(content) == types


@pytest.mark.parametrize("method", ["get", "post"])
def test_openapi_start(method):
    """A start's description has what a pipeline must be ready for."""
    start = OPENAPI["paths"]["/slow/"][method]

    assert {"400", "401", "403", "409", "429", "503"} <= start["responses"].keys()
    assert {"$ref": "#/components/parameters/release"} in start["parameters"]
