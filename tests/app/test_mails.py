"""What ADMINS are mailed of: nothing that a probe may find every few seconds."""

import logging

import django
import pytest
from django.core import mail
from django.test import override_settings
from django.utils.log import AdminEmailHandler

from smoketest import views
from tests.app.conftest import Caller

LOCMEM = "django.core.mail.backends.locmem.EmailBackend"
MAIL = {"MAILERS": {"default": {"BACKEND": LOCMEM}}} if django.VERSION >= (6, 1) else {"EMAIL_BACKEND": LOCMEM}

ADMINS = ["admin@example.com"] if django.VERSION >= (6, 0) else [("An admin", "admin@example.com")]


@pytest.fixture(autouse=True)
def _admin_handler():
    """Have Django's own handler that mails what goes wrong, as its default logging has it."""
    handler = AdminEmailHandler()
    mail.outbox = []
    logging.getLogger("django.request").addHandler(handler)
    with override_settings(ADMINS=ADMINS, **MAIL):
        yield
    logging.getLogger("django.request").removeHandler(handler)


@pytest.mark.parametrize("method", ["get", "head"])
def test_mails__fail(project, stranger, method):
    """A failing probe mails no ADMINS."""
    project("outcomes")

    response = getattr(stranger, method)("/smoketest/")

    assert response.status_code == 500
    assert mail.outbox == []


@pytest.mark.parametrize(("url", "status"), [("/smoketest/slow/", 503), ("/smoketest/runs/", 503)])
def test_mails__no_redis(project, operator, url, status):
    """Nor does a queue that can't be reached."""
    project("shop", redis_url="redis://127.0.0.1:1/0")

    assert operator.get(url).status_code == status
    assert mail.outbox == []


def test_mails__wrong_setting(project, stranger):
    """Nor does a wrong setting."""
    project("shop", timeout="5s")

    assert stranger.get("/smoketest/").status_code == 500
    assert mail.outbox == []


def test_mails__our_own_fault(project, monkeypatch):
    """What is a fault of smoketest itself is mailed as any view's is: somebody has to know."""
    project("shop")
    monkeypatch.setattr(views, "for_stranger", None)

    response = Caller(raise_request_exception=False).get("/smoketest/")

    assert response.status_code == 500
    assert [message.subject for message in mail.outbox] == [
        "[Django] ERROR (EXTERNAL IP): Internal Server Error: /smoketest/"
    ]
