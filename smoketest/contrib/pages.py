"""Pages of this site answer: asked in this process, inside the transaction that is rolled back."""

import logging
import secrets
from collections.abc import Collection, Mapping
from contextlib import closing
from functools import cache
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes, urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.core.handlers.base import BaseHandler
from django.http import Http404, HttpRequest, HttpResponseServerError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.test import RequestFactory
from django.urls import get_script_prefix, resolve, reverse

from smoketest.cases import SmokeTest
from smoketest.contrib.one_each import one_test_each
from smoketest.contrib.telling import require

_ANSWERED_BY_DJANGO = (Http404, PermissionDenied, BadRequest, SuspiciousOperation, MultiPartParserError)
"""What is no fault of a view: Django makes a page of 4xx of it."""


class PagesTest(SmokeTest):
    """A GET of each of `pages` has the status that is expected, through all of the project's middleware.

    It runs in the test's own thread: what a page writes to a database is rolled back with it, what it sends
    elsewhere (mail, tasks, caches) is not. No server, proxy or network lies between; `addresses` has those.
    """

    abstract = True
    pages: ClassVar[Collection[str] | Mapping[str, int]] = ()
    """Paths, as the project's URLs have them (`/shop/`), or names of URLs (`shop:list`); each -> its status, or 200."""
    host: ClassVar[str] = ""
    """The Host header; by default the first of ALLOWED_HOSTS."""
    is_secure: ClassVar[bool] = True
    """False: asked by http, where SECURE_SSL_REDIRECT answers with a redirect."""
    as_staff: ClassVar[bool] = False
    """True: asked by a staff user, who is made inside the transaction; no session is."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make one test a page."""
        super().__init_subclass__(**kwargs)
        one_test_each(cls, "pages", PagesTest._look)

    def make_staff_user(self) -> Any:
        """Return the user who asks; to be overridden where this is not enough."""
        model: Any = get_user_model()
        name = f"smoketest-{secrets.token_hex(8)}"
        return model._default_manager.create(**{model.USERNAME_FIELD: name, "is_staff": True, "is_superuser": True})  # noqa: SLF001 (documented)

    def _look(self, page: str) -> None:
        expected = self.pages[page] if isinstance(self.pages, Mapping) else 200
        request = self._request(page)
        setattr(request, _ERROR, None)
        require(not _is_own(request.path_info), f"{page} runs smoke tests, this one too; take it out of `pages`")
        if self.as_staff:
            _log_in(request, self.make_staff_user())
        with closing(_handler(tuple(settings.MIDDLEWARE)).get_response(request)) as response:
            if response.status_code != expected:
                raise AssertionError(_wrong(page, response, expected)) from getattr(request, _ERROR, None)

    def _request(self, page: str) -> HttpRequest:
        prefix = get_script_prefix()
        path = page if page.startswith("/") else "/" + reverse(page).removeprefix(prefix)
        parts = urlsplit(path)
        return RequestFactory().request(
            PATH_INFO=unquote_to_bytes(parts.path).decode("iso-8859-1"),
            QUERY_STRING=parts.query,
            SCRIPT_NAME=prefix.rstrip("/"),
            HTTP_HOST=self.host or _host(),
            HTTP_USER_AGENT="django-smoketest",
            **{"wsgi.url_scheme": "https" if self.is_secure else "http"},
        )


def _is_own(path: str) -> bool:
    try:
        return "smoketest" in resolve(path).app_names
    except Http404:
        return False


_SERVER_ERROR = 500
_ERROR = "smoketest_error"
"""The attribute of a request made here under which what its view or a middleware raised is kept."""


class _Handler(BaseHandler):
    """Django's own, which keeps what a view raises instead of mailing it to the admins at each look.

    The test client's would tell the whole process' signals of its requests, and hear of everybody's errors.
    """

    def _get_response(self, request: HttpRequest) -> HttpResponseBase:
        try:
            response: HttpResponseBase = super()._get_response(request)  # type: ignore[misc]
        except _ANSWERED_BY_DJANGO:
            raise
        except Exception as error:  # noqa: BLE001 (a view may raise anything, and it is a status of 500)
            setattr(request, _ERROR, error)
            response = HttpResponseServerError()
        response._has_been_logged = response.status_code >= _SERVER_ERROR  # type: ignore[attr-defined] # noqa: SLF001 (no log record, no mail)
        return response


def _is_of_others(record: logging.LogRecord) -> bool:
    """Tell whether the record's request was not made here; of one that was, keep what a middleware raised."""
    request = getattr(record, "request", None)
    if not hasattr(request, _ERROR):
        return True
    setattr(request, _ERROR, record.exc_info[1] if record.exc_info else None)
    return False


@cache
def _handler(_middleware: tuple[str, ...]) -> _Handler:
    """Return the handler of this process, as a server has one."""
    # Where Django tells of what a middleware raises, and mails the admins at each look.
    logging.getLogger("django.request").addFilter(_is_of_others)
    handler = _Handler()
    handler.load_middleware()
    return handler


def _host() -> str:
    """Return a host that ALLOWED_HOSTS lets in."""
    hosts = [host.removeprefix(".") for host in settings.ALLOWED_HOSTS if host != "*"]
    return hosts[0] if hosts else "localhost"


def _log_in(request: HttpRequest, user: Any) -> None:
    """Let the request be the user's, as `AuthenticationMiddleware` keeps it; so no session is needed."""
    request._cached_user = user  # type: ignore[attr-defined] # noqa: SLF001
    request._acached_user = user  # type: ignore[attr-defined] # noqa: SLF001


def _wrong(page: str, response: HttpResponseBase, expected: int) -> str:
    found = f"{page} answers {response.status_code} instead of {expected}"
    hints: dict[int, str] = {
        400: "Is `host` among ALLOWED_HOSTS?",
        403: "Who may see it? Say `as_staff = True` to ask as a staff user",
        404: "Look at the URLs of this release, and at what the page wants in the database",
    }
    if "Location" in response.headers:
        target = response.headers["Location"].partition("?")[0]
        mend = f"Expect {response.status_code}, list the target, or say `as_staff = True`"
        return f"{found}: it redirects to {target}. {mend}"
    return f"{found}. {hints.get(response.status_code, 'Look at the traceback, or at the log of the view')}"
