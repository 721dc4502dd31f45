"""Whom the console script trusts."""

import ssl
import subprocess

import pytest

from smoketest.client.endings import EndedError, ExitCode
from smoketest.client.http import Http
from tests.core.answering import Answering, Said

TOKEN = "a-token"


@pytest.fixture
def secure_app(tmp_path, monkeypatch):
    """An app with a certificate that it has signed itself; returns its URL and the certificate's path."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=app"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    app = Answering(Said(status=200, body="hello"))
    app.socket = context.wrap_socket(app.socket, server_side=True)
    with app:
        yield app.url.replace("http:", "https:"), certificate


def test_untrusted(secure_app):
    """A certificate that nobody vouches for ends it at once: the token is not sent there."""
    url, _ = secure_app

    with pytest.raises(EndedError, match=r"certificate is not trusted.*--ca-file") as ended:
        Http(token=TOKEN, ca_file=None).ask("GET", url, seconds=5)

    assert ended.value.exit_code is ExitCode.COULD_NOT_RUN


def test_ca_file(secure_app):
    """--ca-file names whom to trust instead."""
    url, certificate = secure_app

    answer = Http(token=TOKEN, ca_file=str(certificate)).ask("GET", url, seconds=5)

    assert answer.text == "hello"


def test_proxy(monkeypatch):
    """A proxy that the environment names is asked instead of the app."""
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Answering(Said(status=200, body="through the proxy")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")

        answer = Http(token="", ca_file=None).ask("GET", "http://app.example/smoketest/", seconds=5)

    assert answer.text == "through the proxy"
    assert proxy.requests() == ["GET http://app.example/smoketest/"]


def test_ca_file__missing():
    """A file that is not there is told."""
    with pytest.raises(EndedError, match="No such file"):
        Http(token="", ca_file="/not/there.pem")
