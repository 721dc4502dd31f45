"""Nobody is told the project's secrets, in whatever way a test tells them, in whatever format."""

import base64
import os
from unittest import mock

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from smoketest import own_secrets
from smoketest.report.formats import FORMATS
from tests import waiting
from tests.app.conftest import Caller
from tests.project import leaky

# The fixture is shared on purpose: it only chooses which apps are searched.
SOME = settings(
    max_examples=20, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
CORES = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", min_size=12, max_size=60).map("Zq7{}".format)
ODD = st.text("@:/?#%&'\"\\<> ;=+äé€\t\n", max_size=4)
SECRETS = st.tuples(ODD, CORES, ODD)
PLACES = {
    "an API key": lambda secret: {"STRIPE_API_KEY": secret},
    "bytes": lambda secret: {"SIGNING_KEY": secret.encode()},
    "a list": lambda secret: {"SECRET_KEY_FALLBACKS": ["another one", secret]},
    "a dictionary": lambda secret: {"SHOP": {"bank": [{"CLIENT_SECRET": secret}]}},
    "a token of smoketest": lambda secret: {"SMOKETEST_TOKENS": ["new-token", secret]},
}
SHAPED = st.sampled_from(["postgres://shop:{}@db.example.org/shop", "amqp://:{}@mq.example.org//"])


@pytest.fixture
def operator():
    """Somebody who is told everything else."""
    return Caller(headers={"authorization": "Bearer new-token"})


@pytest.fixture(autouse=True)
def _told_nowhere_else(project):
    """Let the leaky tests end, and forget what the scrubber was told."""
    project("leaky", timeout=2)
    leaky.goes_on.set()
    yield
    leaky.goes_on.set()
    own_secrets.forget()


def assert_nobody_is_told(operator, core):
    """Check that the report of the leaky tests holds no secret in any format."""
    inner = base64.b64encode(core.encode())[4:12].decode()
    for name in FORMATS:
        content = operator.get("/smoketest/", {"format": name}).content.decode()
        assert [line[:200] for line in content.splitlines() if core in line] == []
        assert inner not in content
        assert core.encode().hex() not in content
        assert "LeakyTest" in content


def can_be_sent(token):
    """Tell whether a header can hold it."""
    return token.isascii() and token.isprintable() and token == token.strip()


@SOME
@given(secret=SECRETS, place=st.sampled_from(list(PLACES)))
def test_secrecy__settings(operator, secret, place):
    """A secret of the settings is told in no format, in whatever way the tests tell it."""
    leaky.secret = "".join(secret)
    assume(place != "a token of smoketest" or can_be_sent(leaky.secret))

    with override_settings(**PLACES[place](leaky.secret)):
        assert_nobody_is_told(operator, secret[1])


@SOME
@given(secret=SECRETS)
def test_secrecy__environment(operator, secret):
    """Nor is one of the environment."""
    leaky.secret = "".join(secret)

    with mock.patch.dict(os.environ, {"SHOP_ACCESS_TOKEN": leaky.secret}):
        own_secrets.forget()
        assert_nobody_is_told(operator, secret[1])


@SOME
@given(core=CORES, url=SHAPED)
def test_secrecy__url(operator, core, url):
    """Nor is the password of a URL, under whatever name that stands."""
    leaky.secret = core

    with override_settings(SHOP_DATABASE=url.format(core)):
        assert_nobody_is_told(operator, core)


@settings(SOME, max_examples=5)
@given(core=CORES)
def test_secrecy__hanging(operator, core):
    """The report tells where a test hangs, but not the secret in there; nor when it still hangs."""
    leaky.secret = core
    leaky.goes_on.clear()

    with override_settings(STRIPE_API_KEY=core):
        contents = [
            operator.get("/smoketest/", {"k": "test_hangs", "format": name}).content.decode() for name in FORMATS
        ]

    leaky.goes_on.set()
    waiting.until(
        lambda: b"still hanging" not in operator.get("/smoketest/", {"k": "test_hangs"}).content, what="it ends"
    )
    assert "/srv/[hidden]/wait.py" in contents[0]
    assert not [content for content in contents if core in content]


def test_secrecy__still_tells(operator):
    """What is no secret is told."""
    leaky.secret = "Zq7-hunter2-hunter2"

    with override_settings(STRIPE_API_KEY=leaky.secret):
        content = operator.get("/smoketest/", {"k": "test_a_message"}).content.decode()

    assert "RuntimeError: ('the key is', '[hidden]')" in content
    assert 'raise RuntimeError("the key is", secret())' in content


def test_secrecy__problem(operator):
    """Nor does a problem tell a secret."""
    with override_settings(STRIPE_API_KEY="Zq7-hunter2-hunter2"):
        content = operator.get("/smoketest/", {"test": "Zq7-hunter2-hunter2"}).content.decode()

    assert "[hidden]" in content
    assert "hunter2" not in content


def test_secrecy__import(operator, project):
    """Nor does the error of a module that does not import."""
    project("broken_error")

    with override_settings(STRIPE_API_KEY="not loadable"):
        content = operator.get("/smoketest/").content.decode()

    assert "ValueError: [hidden]" in content
    assert "not loadable" not in content


@pytest.mark.parametrize("path", ["/smoketest/", "/smoketest/metrics/", "/smoketest/slow/"])
def test_no_secret_key(operator, path):
    """Without a SECRET_KEY the answer is a refusal that names it."""
    with override_settings(SECRET_KEY=""):
        response = operator.get(path, {"format": "text"})

    assert response.status_code == 500
    assert "Improperly Configured: The SECRET_KEY setting must not be empty." in response.content.decode()


def test_no_secret_key__stranger():
    """Strangers are told the name alone."""
    with override_settings(SECRET_KEY=""):
        response = Caller().get("/smoketest/")

    assert "SECRET_KEY can't be used; the app's log tells why" in response.content.decode()
