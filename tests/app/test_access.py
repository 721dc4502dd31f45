"""Who is let in, and whose browser may not be used to start and cancel runs."""

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError
from django.test import override_settings

from smoketest.record.ids import make_id
from tests.app.conftest import Caller

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
MIDDLEWARE = [
    SESSIONS,
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    AUTHENTICATION,
]
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
OWN = {"sec-fetch-site": "same-origin"}
LET_IN = 503
"""Without Redis whoever is let in hears of that."""


@pytest.fixture(autouse=True)
def _project(project):
    """Have sessions and users, and no Redis."""
    project("shop", redis_url="redis://127.0.0.1:1/0")
    with override_settings(MIDDLEWARE=MIDDLEWARE, SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies"):
        yield


@pytest.fixture
def make_user():
    """Make a user and return a browser that is logged in as that."""
    made = []

    def make(**values):
        user = get_user_model().objects.create(username=f"user {len(made)}", **values)
        made.append(user)
        browser = Caller(enforce_csrf_checks=True)
        browser.force_login(user, "django.contrib.auth.backends.ModelBackend")
        return browser

    yield make
    for user in made:
        user.delete()


@pytest.fixture
def staff(make_user):
    """The browser of somebody who may use the admin."""
    return make_user(is_staff=True)


def run_url():
    """Return the URL of a run that might exist."""
    return f"/smoketest/runs/{make_id()}/"


def test_access__staff_sees_detail(staff, stranger):
    """A staff user sees what a stranger does not."""
    assert b"Traceback" in staff.get("/smoketest/").content
    assert b"Traceback" not in stranger.get("/smoketest/").content


@pytest.mark.parametrize("url", ["/smoketest/runs/", run_url()], ids=["runs", "run"])
def test_access__staff_sees_runs(staff, url):
    """A staff user sees runs."""
    assert staff.get(url).status_code == LET_IN


@pytest.mark.parametrize("values", [{}, {"is_superuser": True}, {"is_staff": True, "is_active": False}])
def test_access__others_are_strangers(make_user, values):
    """Somebody logged in who is no staff, or no more, is a stranger."""
    assert make_user(**values).get("/smoketest/runs/").status_code == 401


def test_access__answer_depends_on_the_cookie(staff):
    """No cache on the way gives to one what was for another."""
    response = staff.get("/smoketest/")

    assert response.headers["Cache-Control"] == "no-store"
    assert "Cookie" in response.headers["Vary"]


def test_access__no_cookie_no_session(stranger):
    """Without a cookie no session is looked at, so that a monitor needs no database."""
    response = stranger.get("/smoketest/")

    assert not response.wsgi_request.session.accessed
    assert response.headers["Vary"] == "Accept"


def test_access__no_sessions_here(staff):
    """A cookie says nothing to a project without AuthenticationMiddleware."""
    with override_settings(MIDDLEWARE=[SESSIONS]):
        assert staff.get("/smoketest/runs/").status_code == 401


def test_access__database_down(staff, monkeypatch):
    """While nobody can tell who is staff, nobody is; the monitor has its answer all the same."""

    def fail(_request):
        raise OperationalError

    monkeypatch.setattr("django.contrib.auth.middleware.get_user", fail)

    response = staff.get("/smoketest/")

    assert response.content.startswith(b"FAIL\n")
    assert b"Traceback" not in response.content
    assert staff.get("/smoketest/runs/").status_code == 401


def test_access__login_required(stranger):
    """Where all views need a login, these need none."""
    with override_settings(MIDDLEWARE=[*MIDDLEWARE, LOGIN_REQUIRED]):
        assert stranger.get("/smoketest/").content.startswith(b"FAIL\n")
        assert stranger.get("/smoketest/runs/").status_code == 401


@pytest.mark.parametrize("headers", [OWN, {"origin": "http://testserver"}])
def test_access__staff_acts(staff, headers):
    """A page of the site itself starts and cancels runs with a staff user's cookie."""
    assert staff.post("/smoketest/slow/", headers=headers).status_code == LET_IN
    assert staff.delete(run_url(), headers=headers).status_code == LET_IN


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": "http://testserver"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://testserver.evil.example"},
    ],
)
def test_access__no_other_site_acts(staff, headers):
    """No other site's page has a staff user's browser start or cancel a run."""
    assert staff.post("/smoketest/slow/", headers=headers).status_code == 403
    assert staff.delete(run_url(), headers=headers).status_code == 403


def test_access__no_link_acts(staff):
    """No link or image starts a run with a cookie, wherever it stands."""
    response = staff.get("/smoketest/slow/", headers=OWN)

    assert response.status_code == 403
    assert b"a staff user's cookie only by POST" in response.content


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}])
@pytest.mark.parametrize("opened", [{"DEBUG": True}, {"SMOKETEST_ACCESS": "tests.app.test_access.everybody"}])
def test_access__no_other_site_acts_by_address(stranger, opened, headers):
    """Nor has it the browser of somebody start one whom the project lets in by other means, an address most likely."""
    with override_settings(**opened):
        assert stranger.post("/smoketest/slow/", headers=headers).status_code == 403
        assert stranger.get("/smoketest/slow/", headers=headers).status_code == 403
        assert stranger.get("/smoketest/slow/").status_code == LET_IN
        assert stranger.get("/smoketest/slow/", headers={"sec-fetch-site": "none"}).status_code == LET_IN


def test_access__token_acts_anywhere(operator):
    """A token is nothing that a browser sends by itself."""
    assert operator.get("/smoketest/slow/", headers={"sec-fetch-site": "cross-site"}).status_code == LET_IN


def test_access__token_beside_cookie(staff):
    """A token counts although there is a cookie too."""
    response = staff.get("/smoketest/slow/", headers={"authorization": "Bearer old-token"})

    assert response.status_code == LET_IN


def test_access__public_is_open_to_all(staff, project):
    """What is open to strangers is open to staff."""
    project("shop", public=True)

    assert staff.get("/smoketest/slow/").status_code == LET_IN


def test_access__asked_once(stranger, project):
    """The project's own function is asked once a request."""
    asked.clear()
    project("shop", access="tests.app.test_access.asked_for")

    stranger.get("/smoketest/")

    assert asked == ["/smoketest/"]


asked = []


def asked_for(request):
    asked.append(request.path)
    return True


def everybody(_request):
    return True
