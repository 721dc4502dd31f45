"""smoketest.contrib.mail, on a real SMTP server."""

import django
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from aiosmtpd.smtp import AuthResult
from django.test import override_settings

from smoketest.contrib import mail
from smoketest.results import Outcome
from tests.contrib.running import result_of
from tests.servers import free_port

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

SMTP = "django.core.mail.backends.smtp.EmailBackend"
CONSOLE = "django.core.mail.backends.console.EmailBackend"
FILES = "django.core.mail.backends.filebased.EmailBackend"


def mail_settings(backend, **options):
    """Return the settings as this Django has them."""
    if django.VERSION >= (6, 1):
        return override_settings(MAILERS={"default": {"BACKEND": backend, "OPTIONS": options}})
    names = {"username": "EMAIL_HOST_USER", "password": "EMAIL_HOST_PASSWORD"}
    given = {names.get(name, f"EMAIL_{name.upper()}"): value for name, value in options.items()}
    return override_settings(EMAIL_BACKEND=backend, **given)


class Server(Controller):
    """A mail server that lets in whoever has the password."""

    def __init__(self):
        super().__init__(
            Sink(),
            hostname="127.0.0.1",
            port=free_port(),
            authenticator=lambda _server, _session, _envelope, _way, login: AuthResult(
                success=login.password == b"right", handled=False
            ),
            auth_require_tls=False,
            auth_required=True,
        )


@pytest.fixture
def server():
    """A mail server that runs."""
    server = Server()
    server.start()
    yield server
    if not server.loop.is_closed():
        server.stop()


def settings_of(server, password):
    return mail_settings(SMTP, host="127.0.0.1", port=server.port, username="shop", password=password)


def test_connection_opens(server):
    """A mail server that lets this process in passes."""
    with settings_of(server, "right"):
        result = result_of(mail.MailTest)

    assert result.outcome is Outcome.PASSED, result.message


def test_server_stopped(server):
    """A mail server that is gone fails with its address."""
    server.stop()

    with settings_of(server, "right"):
        result = result_of(mail.MailTest)

    assert result.outcome is Outcome.FAILED
    assert result.message.startswith(
        f"the mail server at 127.0.0.1:{server.port} does not let this process in: ConnectionRefusedError: "
    )


def test_wrong_password(server):
    """A mail server that refuses the password fails, and the password is not shown."""
    with settings_of(server, "s3cret"):
        result = result_of(mail.MailTest)

    assert result.outcome is Outcome.FAILED
    assert "SMTPAuthenticationError" in result.message
    assert "s3cret" not in str(result)


def test_server_is_mute(mute_port):
    """A server that accepts and says nothing fails within `connect_seconds`."""
    with mail_settings(SMTP, host="127.0.0.1", port=mute_port):
        result = result_of(mail.MailTest, connect_seconds=0.2)

    assert result.outcome is Outcome.FAILED
    assert "timed out" in result.message


def test_no_connection():
    """A backend that opens no connection is skipped, not passed."""
    with mail_settings(CONSOLE):
        result = result_of(mail.MailTest)

    assert result.outcome is Outcome.SKIPPED
    assert result.message == f"{CONSOLE.rpartition('.')[0]} opens no connection, so there is none to try"


def test_no_connection__files(tmp_path):
    """Nor is one that writes files, which would leave an empty one behind."""
    with mail_settings(FILES, file_path=str(tmp_path)):
        result = result_of(mail.MailTest)

    assert result.outcome is Outcome.SKIPPED
    assert "filebased opens no connection" in result.message
    assert list(tmp_path.iterdir()) == []
