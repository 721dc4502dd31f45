"""What a stranger is answered who gets no report: to the letter, in each format."""

import re
from html import escape

import pytest
from django.test import Client

from smoketest.record.ids import make_id
from smoketest.report.formats import FORMATS

pytestmark = pytest.mark.live

GONE = make_id()
HOW_TO_GET_IN = (
    "send `Authorization: Bearer <token>` with a token of SMOKETEST_TOKENS; "
    "SMOKETEST_ACCESS or SMOKETEST_PUBLIC open it otherwise"
)
REALM = {"WWW-Authenticate": 'Bearer realm="smoketest"'}
ALLOWED = {"Allow": "GET, HEAD, OPTIONS"}
ALWAYS = {"Cache-Control": "no-store", "Vary": "Accept", "X-Content-Type-Options": "nosniff"}
FULL = "1 runs were started within the last minute, as many as may be (SMOKETEST_STARTS_PER_MINUTE); ask again in 60 s"
PROBLEMS = {
    ("GET", "?k="): (400, "Bad Request", "k= is empty; give it a value or leave it out", {}),
    ("GET", "?k=none"): (400, "Nothing Selected", "no test matches k=none", {}),
    ("GET", "runs/"): (401, "Unauthorized", HOW_TO_GET_IN, REALM),
    ("DELETE", "runs/none/"): (401, "Unauthorized", HOW_TO_GET_IN, REALM),
    ("GET", "runs/none/"): (404, "Not Found", "there is no run none", {}),
    ("POST", ""): (405, "Method Not Allowed", "POST is not allowed here; use GET, HEAD, OPTIONS", ALLOWED),
    ("POST", "slow/?release=r7"): (409, "Wrong Release", "this is another release, not r7", {}),
    ("GET", f"runs/{GONE}/"): (
        410,
        "Gone",
        f"the record of run {GONE} is gone: it expired, or Redis lost it; start another",
        {},
    ),
    ("POST", "slow/?new=1"): (429, "Too Many Requests", FULL, {"Retry-After": "60"}),
}
BODIES = {
    "text": "{title}: {detail}\n",
    "json": '{{"type": "about:blank", "title": "{title}", "status": {status}, "detail": "{detail}"}}\n',
    "html": '<header><h1><span class="verdict errored">{status}</span> {title}</h1></header>'
    '<main><p class="message">{escaped}</p></main>',
    "health": '{{"type": "about:blank", "title": "{title}", "status": {status}, "detail": "{detail}"}}\n',
    "junit": '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<testsuites name="smoketest" tests="1" failures="0" errors="1">'
    '<testsuite name="smoketest" tests="1" failures="0" errors="1" skipped="0">'
    '<testcase classname="smoketest" name="{title}">'
    '<error type="smoketest" message="{title}: {escaped}" /></testcase></testsuite></testsuites>\n',
    "openmetrics": "{title}: {detail}\n",
    "tap": "TAP version 14\nBail out! {title}: {detail}\n",
    "nagios": "SMOKETEST UNKNOWN - {title}: {detail}\n",
    "github": "::error title={title}::{detail}\n",
}


@pytest.fixture
def ask(queued, own_redis):
    """Ask as a stranger in a format, where all is open, one run a minute may be started, and was."""
    queued(own_redis, None, "shop", public=True, starts_per_minute=1)
    Client().post("/smoketest/slow/")

    def answer(method, path, name, **headers):
        query = "&" if "?" in path else "?"
        return Client().generic(method, f"/smoketest/{path}{query}format={name}", headers=headers)

    return answer


def expected(status, title, detail):
    """Return format -> status and body."""
    words = {"status": status, "title": title, "detail": detail, "escaped": escape(detail, quote=False)}
    return {name: (status, body.format(**words)) for name, body in BODIES.items()}


def told(response):
    """Return the status and the body, of a page without what all pages have."""
    body = response.content.decode()
    page = re.search("<header>.*</main>", body)
    return response.status_code, page[0] if page else body


@pytest.mark.parametrize("request_line", PROBLEMS)
def test_problems(ask, request_line):
    """The answer has nothing but what is wrong, and the headers that belong to it."""
    status, title, detail, headers = PROBLEMS[request_line]

    answers = {name: ask(*request_line, name) for name in FORMATS}

    assert {name: told(answer) for name, answer in answers.items()} == expected(status, title, detail)
    assert all(answer.headers.items() >= (ALWAYS | headers).items() for answer in answers.values())


def test_problems__credentials_not_known(ask):
    """Who sends a wrong token is told so."""
    answers = {name: ask("GET", "runs/", name, authorization="Bearer not-a-token") for name in FORMATS}

    detail = f"these credentials are not known; {HOW_TO_GET_IN}"
    assert {name: told(answer) for name, answer in answers.items()} == expected(403, "Forbidden", detail)


def test_problems__queue(ask, project, caplog):
    """No stranger is told where the queue is; the log is."""
    project("shop", redis_url="redis://127.0.0.1:1/0")

    answers = {name: ask("POST", "slow/", name) for name in FORMATS}

    detail = "the queue can't be reached; the app's log tells why"
    assert {name: told(answer) for name, answer in answers.items()} == expected(503, "Service Unavailable", detail)
    assert "Redis at 127.0.0.1:1/0 does not answer" in caplog.text


def test_problems__settings(ask, project, caplog):
    """Of a wrong setting he is told the name, not the value."""
    project("shop", timeout="1s")

    answers = {name: ask("GET", "", name) for name in FORMATS}

    detail = "SMOKETEST_TIMEOUT can't be used; the app's log tells why"
    assert {name: told(answer) for name, answer in answers.items()} == expected(500, "Improperly Configured", detail)
    assert "SMOKETEST_TIMEOUT is '1s'; a number of seconds is wanted" in caplog.text
