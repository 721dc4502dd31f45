"""Probes that come by an IP address or without TLS, and all others."""

import asyncio

import pytest
from django.core.checks import run_checks
from django.test import AsyncClient, override_settings

PROBE = "smoketest.middleware.ProbeMiddleware"
SECURITY = "django.middleware.security.SecurityMiddleware"
COMMON = "django.middleware.common.CommonMiddleware"
BY_IP = {"host": "10.1.2.3:8000"}


@pytest.fixture(autouse=True)
def _production(project):
    """Have the settings of a site that is reached by one name, with TLS."""
    project("shop", redis_url="redis://127.0.0.1:1/0")
    with override_settings(
        MIDDLEWARE=[PROBE, SECURITY, COMMON], SECURE_SSL_REDIRECT=True, ALLOWED_HOSTS=["shop.example"]
    ):
        yield


@pytest.fixture
def without():
    """Have the same without the middleware."""
    with override_settings(MIDDLEWARE=[SECURITY, COMMON]):
        yield


def ids(**options):
    """Return the ids of what the checks say."""
    return [message.id for message in run_checks(tags=["smoketest"], **options)]


@pytest.mark.usefixtures("without")
def test_middleware__needed(stranger):
    """Without it such probes get no report."""
    assert stranger.get("/smoketest/", headers={"host": "shop.example"}).status_code == 301
    assert stranger.get("/smoketest/", headers=BY_IP, secure=True).status_code == 400


@pytest.mark.parametrize(
    "headers", [BY_IP, {"host": "shop.example"}, {"host": "evil.example"}, {"host": "a b/<c>"}, {}]
)
@pytest.mark.parametrize("secure", [True, False])
def test_middleware__probe(stranger, headers, secure):
    """With it they get the report, which holds nothing of the Host header."""
    response = stranger.get("/smoketest/", {"format": "html"}, headers=headers, secure=secure)

    told = response.content.decode() + str(response.headers)
    assert response.status_code == 500
    assert "test_foomodel_reads" in told
    assert not [name for name in ("10.1.2.3", "evil.example", "a b/") if name in told]


def test_middleware__metrics(stranger):
    """A scraper comes by IP too."""
    assert stranger.get("/smoketest/metrics/", headers=BY_IP).status_code == 200


def test_middleware__head(stranger):
    """HEAD is a probe as well."""
    assert stranger.head("/smoketest/", headers=BY_IP).status_code == 500


def test_middleware__async():
    """It does the same below ASGI."""
    response = asyncio.run(AsyncClient().get("/smoketest/", headers=BY_IP))
    other = asyncio.run(AsyncClient().get("/smoketest/slow/", headers=BY_IP, secure=True))

    assert response.content.startswith(b"FAIL\n")
    assert other.status_code == 400


@pytest.mark.parametrize("url", ["/smoketest/slow/", "/smoketest/runs/", "/smoketest/runs/1-2-3/", "/", "/nowhere/"])
def test_middleware__nothing_else(operator, url):
    """What is no probe is sent away as ever, a token or not."""
    assert operator.get(url, headers=BY_IP, secure=True).status_code == 400
    assert operator.get(url, headers={"host": "shop.example"}).status_code == 301


def test_middleware__no_other_method(operator):
    """Nor is a POST a probe."""
    assert operator.post("/smoketest/", headers=BY_IP, secure=True).status_code == 400


@pytest.mark.parametrize("opened", [{"DEBUG": True}, {"SMOKETEST_ACCESS": "tests.app.test_access.everybody"}])
def test_middleware__detail_for_a_token_alone(stranger, operator, opened):
    """By whatever name a browser is led here, it is told no detail."""
    with override_settings(**opened):
        assert b"Traceback" not in stranger.get("/smoketest/", headers=BY_IP).content
        assert b"Traceback" in operator.get("/smoketest/", headers=BY_IP).content


def test_middleware__ordinary_requests(operator):
    """What comes as it should goes through all that follows."""
    response = operator.get("/smoketest/", headers={"host": "shop.example"}, secure=True)

    assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert b"Traceback" in response.content


def test_middleware__check_order():
    """In a place where it does nothing it is warned of."""
    assert ids() == []
    for wrong in ([SECURITY, PROBE, COMMON], [COMMON, PROBE]):
        with override_settings(MIDDLEWARE=wrong):
            assert ids() == ["smoketest.W007"]


def test_middleware__check_redirect():
    """Where probes without TLS would be redirected, `check --deploy` says so."""
    with override_settings(MIDDLEWARE=[SECURITY, COMMON]):
        assert "smoketest.I001" in ids(include_deployment_checks=True)
        assert ids() == []
        with override_settings(SECURE_REDIRECT_EXEMPT=["^smoketest/$"]):
            assert "smoketest.I001" not in ids(include_deployment_checks=True)
    assert "smoketest.I001" not in ids(include_deployment_checks=True)
