"""smoketest.contrib.pages, on real views behind the middleware of a real project."""

import logging

import pytest
from django.contrib.auth.models import User
from django.core.signals import got_request_exception, request_started
from django.test import override_settings
from django.urls import set_script_prefix

from smoketest.contrib import pages
from smoketest.results import Outcome
from tests.contrib.running import result_of, results_of
from tests.project.shop.models import FooModel

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]


@pytest.fixture(autouse=True)
def site():
    """A site as it is in production."""
    with override_settings(
        ROOT_URLCONF="tests.contrib.urls",
        MIDDLEWARE=MIDDLEWARE,
        ALLOWED_HOSTS=[".shop.example"],
        SECURE_SSL_REDIRECT=True,
        SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
        LOGIN_URL="/login/",
    ):
        yield


def test_answer():
    """Pages that answer pass: paths and names, plain and async."""
    results = results_of(pages.PagesTest, pages=["/", "home", "/async/"])

    assert list(results) == ["test_async", "test_home", "test_root"]
    assert {result.outcome for result in results.values()} == {Outcome.PASSED}, results


def test_exception():
    """A page whose view raises fails with the view's own exception and traceback; the others are looked at."""
    results = results_of(pages.PagesTest, pages=["/", "/fails/"])

    assert results["test_root"].outcome is Outcome.PASSED
    assert results["test_fails"].outcome is Outcome.FAILED
    assert results["test_fails"].message == (
        "/fails/ answers 500 instead of 200. Look at the traceback, or at the log of the view"
    )
    assert "RuntimeError: the template is missing" in results["test_fails"].traceback
    assert "in fail\n" in results["test_fails"].traceback


@pytest.fixture
def logged():
    """What Django logs of requests, and mails the admins."""
    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logging.getLogger("django.request").addHandler(handler)
    yield records
    logging.getLogger("django.request").removeHandler(handler)


@pytest.mark.parametrize("page", ["/fails/", "/fails-quietly/"])
def test_no_mail(logged, page):
    """A page of 500 is not logged as production's errors are: no mail to the admins, nothing for an error tracker."""
    heard = []
    got_request_exception.connect(hear := lambda **_: heard.append("signal"), weak=False)
    try:
        result = result_of(pages.PagesTest, pages=[page])
    finally:
        got_request_exception.disconnect(hear)

    assert result.outcome is Outcome.FAILED
    assert (heard, logged) == ([], [])


def test_no_mail__middleware(logged):
    """What a middleware raises is the test's failure, with its traceback, and no mail to the admins either."""
    with override_settings(MIDDLEWARE=[*MIDDLEWARE, "tests.contrib.urls.break_down"]):
        result = result_of(pages.PagesTest, pages=["/"])

    assert result.outcome is Outcome.FAILED
    assert "RuntimeError: the middleware breaks down" in result.traceback
    assert logged == []


def test_signals_are_left_alone():
    """The process' own receivers of requests are as before, and hear nothing of these."""
    heard = []
    request_started.connect(hear := lambda **_: heard.append("signal"), weak=False)
    before = list(request_started.receivers)
    try:
        result_of(pages.PagesTest, pages=["/"])
    finally:
        after = list(request_started.receivers)
        request_started.disconnect(hear)

    assert (heard, after) == ([], before)


def test_rolled_back():
    """What a page writes to a database is rolled back."""
    result = result_of(pages.PagesTest, pages=["/writes/"])

    assert result.outcome is Outcome.PASSED, result.message
    assert not FooModel.objects.exists()


def test_broken_transaction():
    """A page that breaks its transaction does no harm to the next."""
    results = results_of(pages.PagesTest, pages=["/breaks/", "/writes/"])

    assert [results["test_breaks"].outcome, results["test_writes"].outcome] == [Outcome.FAILED, Outcome.PASSED]
    assert "IntegrityError" in results["test_breaks"].traceback


def test_expected_status():
    """Each page may have a status of its own that is expected."""
    results = results_of(pages.PagesTest, pages={"/closed/": 302, "/nowhere/": 404, "/": 200})

    assert {result.outcome for result in results.values()} == {Outcome.PASSED}, results


def test_gone():
    """A page that is not there fails."""
    result = result_of(pages.PagesTest, pages=["/nowhere/"])

    assert result.message.startswith("/nowhere/ answers 404 instead of 200. Look at the URLs of this release")


def test_unknown_name():
    """A name that no URL has is an error that says so."""
    result = result_of(pages.PagesTest, pages=["nowhere"])

    assert result.outcome is Outcome.ERRORED
    assert "NoReverseMatch: Reverse for 'nowhere' not found" in result.message


def test_redirect():
    """A redirect where none is expected fails and says where to, without the query."""
    result = result_of(pages.PagesTest, pages=["/moved/"])

    assert result.message == (
        "/moved/ answers 302 instead of 200: it redirects to /. Expect 302, list the target, or say `as_staff = True`"
    )


def test_by_http():
    """Asked by http, the redirect to https is what is seen."""
    result = result_of(pages.PagesTest, pages={"/": 301}, is_secure=False)

    assert result.outcome is Outcome.PASSED, result.message


def test_as_staff():
    """A page behind a login answers a staff user who is made for it and rolled back; there is no session."""
    result = result_of(pages.PagesTest, pages=["closed"], as_staff=True)

    assert result.outcome is Outcome.PASSED, result.message
    assert not User.objects.exists()


def test_closed():
    """Without a user such a page fails and says what to do."""
    result = result_of(pages.PagesTest, pages=["closed"])

    assert result.message.startswith("closed answers 302 instead of 200: it redirects to /login/. ")


def test_request():
    """The page is asked with its query, by https, under a host that is let in, below the place of the project."""
    set_script_prefix("/app/")
    try:
        result = result_of(pages.PagesTest, pages=["/tell/ü/?page=2"], host="www.shop.example")
    finally:
        set_script_prefix("/")

    assert result.outcome is Outcome.PASSED, result.message


def test_strange_host():
    """A host that is not let in fails, with a hint."""
    result = result_of(pages.PagesTest, pages=["/tell/ü/"], host="elsewhere.example")

    assert result.message == "/tell/ü/ answers 400 instead of 200. Is `host` among ALLOWED_HOSTS?"


def test_own_pages():
    """The pages that run smoke tests are refused: this test would run itself for ever."""
    result = result_of(pages.PagesTest, pages=["smoketest:smoketest"])

    assert result.outcome is Outcome.FAILED
    assert result.message == "smoketest:smoketest runs smoke tests, this one too; take it out of `pages`"
