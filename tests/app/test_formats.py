"""Every format at the door, asked for by name or by header."""

import json

import pytest

from smoketest.report import formats, page
from tests.published import check

TYPES = {
    "text": "text/plain",
    "json": "application/json",
    "html": "text/html",
    "health": "application/health+json",
    "junit": "application/xml",
    "openmetrics": "application/openmetrics-text; version=1.0.0",
    "tap": "text/plain",
    "nagios": "text/plain",
    "github": "text/plain",
}
DETAILS = ("False is not true", "Traceback", "smoke.py", "test_adds_up")
PROBLEM_TYPES = TYPES | {
    "json": "application/problem+json",
    "health": "application/problem+json",
    "openmetrics": "text/plain",
}


@pytest.mark.parametrize("name", formats.FORMATS)
def test_formats__report(project, operator, name):
    """Each format can be asked for by its name; the status is the same in all."""
    project("shop")

    response = operator.get("/smoketest/", {"format": name}, headers={"accept": "image/png"})

    assert response.status_code == 500
    assert response.headers["Content-Type"] == f"{TYPES[name]}; charset=utf-8"
    assert response.headers["Vary"] == "Accept"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert b"test_foomodel_reads" in response.content


@pytest.mark.parametrize("name", formats.FORMATS)
def test_formats__head(project, stranger, name):
    """HEAD has the headers of GET in each format, and no body."""
    project("shop")

    response = stranger.head("/smoketest/", {"format": name})

    assert (response.status_code, response.content) == (500, b"")
    assert response.headers["Content-Type"] == f"{TYPES[name]}; charset=utf-8"


@pytest.mark.parametrize("name", formats.FORMATS)
def test_formats__no_detail_for_strangers(project, stranger, name):
    """In no format does a stranger see why a test failed, or where."""
    project("shop")

    content = stranger.get("/smoketest/", {"format": name}).content.decode()

    assert "test_foomodel_reads" in content
    assert [detail for detail in DETAILS if detail in content] == []


@pytest.mark.parametrize("name", formats.FORMATS)
def test_formats__problem(project, stranger, name):
    """What is refused says so in the format asked for."""
    project("shop")

    response = stranger.get("/smoketest/runs/", {"format": name})

    assert response.status_code == 401
    assert response.headers["Content-Type"] == f"{PROBLEM_TYPES[name]}; charset=utf-8"
    assert b"SMOKETEST_TOKENS" in response.content


def test_formats__page_headers(project, stranger):
    """A page, that of an error too, comes with a policy under which nothing is fetched or run."""
    project("shop")

    report, problem = stranger.get("/smoketest/?format=html"), stranger.get("/smoketest/slow/?format=html")

    assert report.headers.items() >= page.HEADERS.items()
    assert problem.headers.items() >= page.HEADERS.items()


def test_formats__schema(project, operator):
    """A real report is what the published schema says."""
    project("outcomes", "nested")

    check("report", operator.report())


@pytest.mark.parametrize("query", ["format=json&app=nowhere", "format=json&k="])
def test_formats__problem_schema(project, stranger, query):
    """A real error is what the published schema says."""
    project("shop")

    check("problem", json.loads(stranger.get(f"/smoketest/?{query}").content))


def test_formats__not_installed(project, stranger, monkeypatch):
    """A format whose library is missing is refused with what to install."""
    project("shop")
    monkeypatch.setattr(formats, "find_spec", lambda _name: None)

    response = stranger.get("/smoketest/?format=openmetrics")

    assert response.status_code == 400
    assert response.content.decode() == (
        "Bad Request: format=openmetrics can't be had here: "
        "it needs prometheus_client; python -m pip install 'django-smoketest[metrics]'\n"
    )
