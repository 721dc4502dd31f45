"""smoketest.contrib.addresses, on real servers with certificates of an authority of the tests' own."""

import http.client
import socket
import ssl
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

from smoketest.contrib import addresses
from smoketest.results import Outcome
from tests.contrib.running import derive, result_of, results_of
from tests.servers import free_port


class Page(BaseHTTPRequestHandler):
    """Answers with the status that its path names; after `?hints` there are early hints before it."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if self.path.endswith("?hints"):
            for _ in range(2):
                self.send_response_only(103)
                self.send_header("Link", "</style.css>; rel=preload; as=style")
                self.end_headers()
        self.send_response(int(self.path[1:4] or 200))
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_):
        pass


class ServerOfIPv6(ThreadingHTTPServer):
    """Listens at an address of IPv6."""

    address_family = socket.AF_INET6


@contextmanager
def served(certificate=None, server_class=ThreadingHTTPServer, host="127.0.0.1"):
    """Serve pages at the port that is yielded, by TLS if there is a certificate."""
    server = server_class((host, 0), Page)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def authority():
    """An authority that nobody else trusts."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    """The file with its certificate."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


def lasting(authority, days, name="localhost"):
    """Return a certificate that lasts so many days more; it began a year ago."""
    now = datetime.now(UTC)
    return authority.issue_cert(name, not_before=now - timedelta(days=365), not_after=now + timedelta(days=days))


def test_http():
    """An address that answers passes."""
    with served() as port:
        assert result_of(addresses.AddressesTest, urls=[f"http://127.0.0.1:{port}/"]).outcome is Outcome.PASSED


@pytest.mark.parametrize("port_of", ["", ":{}"])
def test_ipv6(monkeypatch, port_of):
    """An address of IPv6 passes, with a port and without one."""
    with served(server_class=ServerOfIPv6, host="::1") as port:
        monkeypatch.setattr(http.client.HTTPConnection, "default_port", port)

        result = result_of(addresses.AddressesTest, urls=[f"http://[::1]{port_of.format(port)}/"])

    assert result.outcome is Outcome.PASSED, result.message


def test_https(authority, ca_file):
    """An address whose certificate is right and lasts passes; a redirect is an answer."""
    with served(lasting(authority, 30)) as port:
        results = results_of(
            addresses.AddressesTest,
            urls=[f"https://localhost:{port}", f"https://localhost:{port}/302?next=/"],
            ca_file=ca_file,
        )

    assert {result.outcome for result in results.values()} == {Outcome.PASSED}, results


def test_error():
    """An address that answers with an error fails with its status."""
    with served() as port:
        result = result_of(addresses.AddressesTest, urls=[f"http://127.0.0.1:{port}/503"])

    assert result.outcome is Outcome.FAILED
    assert result.message == f"http://127.0.0.1:{port}/503 answers 503 Service Unavailable"


@pytest.mark.parametrize(("status", "outcome"), [(200, Outcome.PASSED), (503, Outcome.FAILED)])
def test_early_hints(status, outcome):
    """What counts is the answer, and not the early hints before it."""
    with served() as port:
        result = result_of(addresses.AddressesTest, urls=[f"http://127.0.0.1:{port}/{status}?hints"])

    assert result.outcome is outcome, result.message


def test_nobody_listens():
    """An address where nobody listens fails."""
    port = free_port()

    result = result_of(addresses.AddressesTest, urls=[f"http://127.0.0.1:{port}/"])

    assert result.outcome is Outcome.FAILED
    assert result.message.startswith(f"http://127.0.0.1:{port}/ does not answer: ConnectionRefusedError: ")


def test_mute(mute_port):
    """A server that accepts and says nothing fails within `connect_seconds`."""
    result = result_of(addresses.AddressesTest, urls=[f"http://127.0.0.1:{mute_port}/"], connect_seconds=0.2)

    assert result.outcome is Outcome.FAILED
    assert "does not answer: TimeoutError: timed out" in result.message


def test_expired(authority, ca_file):
    """An expired certificate fails."""
    with served(lasting(authority, -1)) as port:
        result = result_of(addresses.AddressesTest, urls=[f"https://localhost:{port}/"], ca_file=ca_file)

    assert result.outcome is Outcome.FAILED
    assert "certificate has expired" in result.message
    assert "look" in result.message.lower()


def test_about_to_expire(authority, ca_file):
    """A certificate that lasts less than is wanted fails with the days that are left."""
    with served(lasting(authority, 3)) as port:
        result = result_of(addresses.AddressesTest, urls=[f"https://localhost:{port}/"], ca_file=ca_file)

    assert result.outcome is Outcome.FAILED
    assert result.message == (
        f"the certificate of https://localhost:{port}/ lasts 3.0 days more, 14 are wanted. "
        "Renew it, and look why nothing did"
    )


def test_wrong_name(authority, ca_file):
    """A certificate of another host fails."""
    with served(lasting(authority, 30, name="other.example")) as port:
        result = result_of(addresses.AddressesTest, urls=[f"https://localhost:{port}/"], ca_file=ca_file)

    assert result.outcome is Outcome.FAILED
    assert "Hostname mismatch" in result.message


def test_unknown_authority(authority):
    """A certificate of an authority that nobody trusts fails."""
    with served(lasting(authority, 30)) as port:
        result = result_of(addresses.AddressesTest, urls=[f"https://localhost:{port}/"])

    assert result.outcome is Outcome.FAILED
    assert "unable to get local issuer certificate" in result.message


def test_secrets_are_not_shown():
    """What an address holds of user, password and query is in neither the test's name nor its result."""
    url = f"http://shop:s3cret@127.0.0.1:{free_port()}/?key=s3cret"

    result = result_of(addresses.AddressesTest, urls=[url])

    assert "s3cret" not in str(dir(derive(addresses.AddressesTest, urls=[url])))
    assert "s3cret" not in str(result)


def test_odd_address():
    """What is no address of the web fails."""
    result = result_of(addresses.AddressesTest, urls=["ftp://127.0.0.1/"])

    assert result.message == "ftp://127.0.0.1/ begins with neither http:// nor https://"
