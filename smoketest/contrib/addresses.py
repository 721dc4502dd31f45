"""Addresses on the network answer, and their certificates last."""

import http.client
import ssl
import time
from collections.abc import Collection
from typing import Any, ClassVar
from urllib.parse import SplitResult, urlsplit

from smoketest.cases import SmokeTest
from smoketest.contrib.one_each import one_test_each
from smoketest.contrib.telling import require, told, without_secrets

_OK = 200
"""The least status that answers; those below come before."""
_BAD_REQUEST = 400
"""The least status that is an error."""
_DAY_SECONDS = 86_400


class AddressesTest(SmokeTest):
    """A GET of each of `urls` is answered with a status below 400 (no redirect is followed).

    With https the certificate is checked as a browser does, the host's name included, and must last a while.
    """

    abstract = True
    urls: ClassVar[Collection[str]] = ()
    connect_seconds: ClassVar[float] = 4.0
    """How long a server may take to accept the connection, and again for each part of its answer."""
    least_certificate_days: ClassVar[float] = 14.0
    ca_file: ClassVar[str | None] = None
    """Certificates of the authorities to trust; by default the system's."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make one test an address."""
        super().__init_subclass__(**kwargs)
        one_test_each(cls, "urls", AddressesTest._look, without_secrets)

    def _look(self, url: str) -> None:
        shown, parts = without_secrets(url), urlsplit(url)
        require(parts.scheme in ("http", "https"), f"{shown} begins with neither http:// nor https://")
        mend = "Look whether its server runs and can be reached from this host, and at its certificate"
        connection = self._connection(parts)
        try:
            with told(f"{shown} does not answer", mend=mend):
                connection.connect()
                days = _days_left(connection)  # now: a server that closes after its answer takes the socket along
                status = _ask(connection, parts)
        finally:
            connection.close()
        require(status < _BAD_REQUEST, f"{shown} answers {status} {http.client.responses.get(status, '')}")
        if days is not None:
            state = f"the certificate of {shown} lasts {days:.1f} days more, {self.least_certificate_days:g} are wanted"
            require(days >= self.least_certificate_days, f"{state}. Renew it, and look why nothing did")

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        if parts.port is None:
            host = f"[{host}]"  # or what follows the last colon of an IPv6 address is taken for the port
        connection: http.client.HTTPConnection
        if parts.scheme == "http":
            connection = http.client.HTTPConnection(host, parts.port, timeout=self.connect_seconds)
        else:
            context = ssl.create_default_context(cafile=self.ca_file)
            connection = http.client.HTTPSConnection(host, parts.port, timeout=self.connect_seconds, context=context)
        connection.response_class = _FinalAnswer
        return connection


class _FinalAnswer(http.client.HTTPResponse):
    """Not 103 Early Hints, which http.client takes for the answer."""

    def begin(self) -> None:
        super().begin()
        while self.status < _OK:
            self.headers = None  # type: ignore[assignment] # as before the first
            super().begin()


def _ask(connection: http.client.HTTPConnection, parts: SplitResult) -> int:
    path = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
    connection.request("GET", path, headers={"User-Agent": "django-smoketest"})
    return connection.getresponse().status


def _days_left(connection: http.client.HTTPConnection) -> float | None:
    """Return how long the server's certificate lasts; None where there is none."""
    if not isinstance(connection.sock, ssl.SSLSocket):
        return None
    certificate: dict[str, Any] = connection.sock.getpeercert() or {}
    return (ssl.cert_time_to_seconds(certificate["notAfter"]) - time.time()) / _DAY_SECONDS
