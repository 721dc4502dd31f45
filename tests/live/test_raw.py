"""Requests as bytes, which no client of ours would send, to real servers."""

import os
import socket
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import waiting
from tests.live.test_service import request as ask
from tests.servers import ROOT, free_port

pytestmark = pytest.mark.live

SERVERS = {
    "gunicorn": ["gunicorn", "tests.project.wsgi", "--threads", "4", "--no-control-socket", "--log-level", "critical"],
    "uvicorn": ["uvicorn", "tests.project.asgi:application", "--lifespan", "off", "--log-level", "critical"],
}
MANY = settings(
    max_examples=300,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
METHODS = st.sampled_from(
    [b"GET", b"HEAD", b"POST", b"DELETE", b"OPTIONS", b"PUT", b"TRACE", b"PATCH", b"BREW", b"get"]
)
PATHS = st.sampled_from(
    [b"", b"slow/", b"metrics/", b"runs/", b"runs/none/", b"runs/%2e%2e/", b"runs/%00/", b"runs/%ff/"]
)
# Bytes as they come, but for those that end the line.
PIECES = [b"format=", b"json", b"k=", b"app=", b"wait=", b"after=", b"&", b"=", b"+", b";", b"#", b"..", b"a" * 3000]
ODD_PIECES = [b"%", b"%0", b"%zz", b"%00", b"%ff", b"%c0%af", b"%ed%a0%80", b"%u0041", b"\xff", b"\xc3\xa9"]
QUERIES = st.one_of(
    st.binary(max_size=30).map(lambda value: value.translate(None, b"\r\n \0")),
    st.lists(st.sampled_from(PIECES + ODD_PIECES), max_size=6).map(b"".join),
)
HEADERS = st.lists(
    st.sampled_from(
        [
            b"Accept: \xff\xfe",
            b"Accept: application/json\r\nAccept: text/html",
            b"Accept:",
            b"Accept: " + b"a/b," * 1500,
            b"Authorization: Bearer \xff\xe9",
            b"Authorization: Bearer a\r\nAuthorization: Bearer new-token",
            b"Authorization: Basic \x80",
            b"Prefer: wait=\xb2",
            b"Prefer: wait=99999999999999999999",
            b"Idempotency-Key: \xff",
            b'If-None-Match: \xff, W/"',
            b"Cookie: sessionid=\xff; =; a",
            b"Origin: \xff",
            b"Sec-Fetch-Site: \xff",
            b"X-Forwarded-Host: [",
            b"Content-Length: 3\r\n\r\nabc",
            b"Content-Type: multipart/form-data; boundary=\xff",
        ]
    ),
    max_size=4,
    unique=True,
)
HOSTS = st.sampled_from([b"127.0.0.1"] * 6 + [b"", b"[", b"a b", b"\xff", b"example.org", b"127.0.0.1:x", b"a" * 300])
VERSIONS = st.sampled_from([b"HTTP/1.1", b"HTTP/1.0"])
LINES = st.tuples(METHODS, PATHS, QUERIES, VERSIONS).map(lambda words: b"%b /smoketest/%b?%b %b" % words)


@pytest.fixture(scope="module", params=SERVERS)
def port(request):
    """The port of a server with nothing to run, and no Redis."""
    port = free_port()
    bind = ["--port", str(port)] if request.param == "uvicorn" else ["--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        [sys.executable, "-m", *SERVERS[request.param], *bind],
        cwd=ROOT,
        env={**os.environ, "SMOKETEST_TEST_APPS": "skipped"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        waiting.until(lambda: ask(f"http://127.0.0.1:{port}/smoketest/")[0], what="the server answers")
        yield port
    finally:
        process.terminate()
        process.wait(timeout=15)


def say(port, line, host, headers):
    """Send the request and return the head and the body of what comes back until the server closes."""
    lines = [line, b"Host: " + host, *headers, b"Connection: close"]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
        head, _, body = b"".join(iter(lambda: _received(connection), b"")).partition(b"\r\n\r\n")
    return head.lower(), body


def _received(connection):
    try:
        return connection.recv(1 << 16)
    except ConnectionResetError:  # a server that has not read all of the request says so after its answer
        return b""


@MANY
@given(line=LINES, host=HOSTS, headers=HEADERS)
def test_raw(port, line, host, headers):
    """Whatever bytes come, an answer that is a 5xx is a report or a problem of ours."""
    head, body = say(port, line, host, headers)

    is_refused = head.startswith((b"http/1.1 2", b"http/1.1 3", b"http/1.1 4", b"http/1.0 4"))
    assert is_refused or b"\r\ncache-control: no-store" in head, (head, body)


@pytest.mark.parametrize("path", [b"", b"?k=", b"slow/", b"runs/"])
def test_raw__head(port, path):
    """HEAD has no body, whatever the status."""
    head, body = say(port, b"HEAD /smoketest/%b HTTP/1.1" % path, b"127.0.0.1", [])

    assert head.startswith(b"http/1.1 ")
    assert body == b""
