"""The mail server lets this process in."""

import django
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.backends.console import EmailBackend as ConsoleBackend

from smoketest.cases import SmokeTest
from smoketest.contrib.telling import told


class MailTest(SmokeTest):
    """The mail connection opens (and logs in, where it does) and closes. Nothing is sent."""

    abstract = True
    connect_seconds: float = 4.0
    """How long the server may take to answer where the project sets no limit."""

    def test_connection_opens(self) -> None:
        mend = "Look whether the mail server runs and can be reached from this host, and at user and password"
        with told("the mail connection can't be made", mend=mend):
            connection = _connection()
        # The one that writes files is a console's, and would open one.
        if type(connection).open is BaseEmailBackend.open or isinstance(connection, ConsoleBackend):
            self.skipTest(f"{type(connection).__module__} opens no connection, so there is none to try")
        if getattr(connection, "timeout", self.connect_seconds) is None:
            connection.timeout = self.connect_seconds  # type: ignore[attr-defined]
        with told(f"the mail server {_shown(connection)}does not let this process in", mend=mend):
            try:
                connection.open()
            finally:
                connection.close()


def _connection() -> BaseEmailBackend:
    # From Django 6.1 on mail is sent by "mailers", and to ask for a connection warns.
    return mail.mailers.default if django.VERSION >= (6, 1) else mail.get_connection(fail_silently=False)


def _shown(connection: BaseEmailBackend) -> str:
    host = getattr(connection, "host", "")
    return f"at {host}:{getattr(connection, 'port', '')} " if host else ""
