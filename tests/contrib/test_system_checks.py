"""smoketest.contrib.system_checks, on this project's own settings."""

import pytest
from django.core import checks
from django.test import override_settings

from smoketest.contrib import system_checks
from smoketest.results import Outcome
from tests.contrib.running import result_of


@pytest.fixture
def sound(redis_server):
    """Settings of which Django's checks have nothing to say."""
    with override_settings(
        SECRET_KEY="k" * 30 + "0123456789abcdefghij+-" * 2,
        SECURE_SSL_REDIRECT=True,
        SECURE_HSTS_SECONDS=3600,
        SECURE_HSTS_INCLUDE_SUBDOMAINS=True,
        SECURE_HSTS_PRELOAD=True,
        CSRF_COOKIE_SECURE=True,
        SESSION_COOKIE_SECURE=True,
        ALLOWED_HOSTS=["shop.example"],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        SMOKETEST_TOKENS=["a long random token"],
        SMOKETEST_REDIS_URL=redis_server.url,
    ):
        yield


@pytest.mark.usefixtures("sound")
def test_nothing_to_say():
    """Where the checks have nothing to say it passes."""
    result = result_of(system_checks.SystemChecksTest)

    assert result.outcome is Outcome.PASSED, result.message


@pytest.mark.usefixtures("sound")
@override_settings(DEBUG=True, SESSION_COOKIE_SECURE=False)
def test_deployment():
    """A setting that is wrong for a deployment fails, with Django's own words."""
    result = result_of(system_checks.SystemChecksTest)

    assert result.outcome is Outcome.FAILED
    assert "system checks complain. Do what the hints say, or name the ids in `ignored`\n" in result.message
    assert "(security.W018) You should not have DEBUG set to True in deployment." in result.message


@pytest.mark.usefixtures("sound")
@override_settings(DEBUG=True)
@pytest.mark.parametrize(
    "attributes", [{"ignored": ["security.W018"]}, {"fail_level": checks.ERROR}, {"is_deployment": False}]
)
def test_let_pass(attributes):
    """What is ignored, below the level, or for a deployment only may be let pass."""
    assert result_of(system_checks.SystemChecksTest, **attributes).outcome is Outcome.PASSED


@pytest.mark.usefixtures("sound")
@override_settings(DEBUG=True, SILENCED_SYSTEM_CHECKS=["security.W018"])
def test_silenced():
    """What the project has silenced stays silent."""
    assert result_of(system_checks.SystemChecksTest).outcome is Outcome.PASSED


@override_settings(SMOKETEST_TIMEOUT="5s")
def test_error():
    """An error fails at each level."""
    result = result_of(system_checks.SystemChecksTest, is_deployment=False, fail_level=checks.ERROR)

    assert "(smoketest.E001) SMOKETEST_TIMEOUT is '5s'" in result.message
