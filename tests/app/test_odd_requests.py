"""Whatever a request holds, the answer is a report or says what is wrong with the request."""

import json
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.app.conftest import Caller
from tests.published import check

# Functions share the fixture on purpose: it only chooses which apps are searched.
MANY = settings(
    max_examples=1000, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
TOKENS = st.text(string.ascii_letters + "*+-.!", max_size=6)
MEDIA_TYPES = st.one_of(
    st.sampled_from(["text/html", "application/json", "text/plain", "*/*", "text/*", "application/openmetrics-text"]),
    st.tuples(TOKENS, st.sampled_from(["/", "//", ""]), TOKENS).map("".join),
)
PARAMETERS = st.one_of(
    st.sampled_from(
        ["", ";q=0", ";q=1.000", "; q = .2", ";q=nan", ";q=-1", ";q=1e400", ";q=", ";q", "; charset=utf-8"]
    ),
    st.sampled_from([";a*=nothing''known", ";a*0=1;a*1=2", ';a="b,c;d"', ';"', ";;", ";=", ";version=1.0.0"]),
)
HEADERS = st.one_of(
    st.lists(st.tuples(MEDIA_TYPES, PARAMETERS).map("".join), max_size=6).map(",".join),
    st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40),
)
VALUES = st.one_of(st.text(max_size=20), st.sampled_from(["text", "1", "-1", "nan", "1e999", "all", "tests.project"]))
QUERIES = st.dictionaries(
    st.sampled_from(
        ["app", "tag", "exclude_tag", "test", "k", "format", "wait", "after", "new", "only_new", "hosts", "cachebuster"]
    ),
    VALUES,
    max_size=4,
)


def assert_is_an_answer(response, statuses):
    """Check that it is a report or a problem, of one of these statuses."""
    assert response.status_code in statuses, response.content
    assert response.headers["Vary"] == "Accept"
    assert response.content
    kind = response.headers["Content-Type"].partition(";")[0]
    schema = {"application/json": "report", "application/problem+json": "problem"}.get(kind)
    if schema:
        check(schema, json.loads(response.content))


@pytest.fixture(autouse=True)
def _one_skipped_test(project):
    """Have as little to run as possible."""
    project("skipped")


@pytest.fixture(scope="module")
def caller():
    """A caller whose own faults are not raised but answered, as a server does."""
    return Caller(raise_request_exception=False, headers={"authorization": "Bearer new-token"})


@MANY
@given(accept=HEADERS)
def test_odd__accept(caller, accept):
    """No Accept header is an error: the answer is a report."""
    response = caller.get("/smoketest/", headers={"accept": accept})

    assert_is_an_answer(response, {500})
    assert not response.headers["Content-Type"].startswith("application/problem")


@MANY
@given(query=QUERIES)
def test_odd__query(caller, query):
    """No query is more than a bad request."""
    response = caller.get("/smoketest/", query)

    assert_is_an_answer(response, {400, 500})


@MANY
@given(run_id=st.text(min_size=1, max_size=80), query=QUERIES, method=st.sampled_from(["get", "head", "delete"]))
def test_odd__run_id(run_id, query, method):
    """To a stranger every id is the same: he is not let in, or the URL does not exist."""
    stranger = Caller(raise_request_exception=False)

    response = getattr(stranger, method)(f"/smoketest/runs/{run_id}/", query)

    assert response.status_code in {301, 400, 401, 404, 405}


@settings(MANY, max_examples=200)
@given(header=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=40))
def test_odd__credentials(header):
    """No odd Authorization or Prefer header lets anybody in, or breaks anything."""
    stranger = Caller(raise_request_exception=False)

    response = stranger.get("/smoketest/slow/", headers={"authorization": f"Bearer {header}", "prefer": header})

    assert_is_an_answer(response, {403})
