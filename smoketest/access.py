"""Who may see detail and start slow runs, and whose browser may not be used for it."""

import hmac
import logging
from enum import Enum, auto

from django.conf import settings
from django.http import HttpRequest

from smoketest.conf import Conf

logger = logging.getLogger("smoketest")

HOW_TO_GET_IN = (
    "send `Authorization: Bearer <token>` with a token of SMOKETEST_TOKENS; "
    "SMOKETEST_ACCESS or SMOKETEST_PUBLIC open it otherwise"
)
HOW_TO_ACT = (
    "a browser starts and cancels runs only from the site itself; with a staff user's cookie only by POST and DELETE"
)


class Key(Enum):
    """What lets a caller see everything."""

    TOKEN = auto()
    SETTING = auto()
    """DEBUG, or what the project's own function says."""
    COOKIE = auto()
    """A staff user's; it comes along with every request of the browser, whoever has made that send it."""


def key_of(request: HttpRequest, conf: Conf) -> Key | None:
    """Return what lets the caller see everything, or None for a stranger; never raises."""
    if has_token(request, conf):
        return Key.TOKEN
    if settings.DEBUG or _asks_project(request, conf):
        return Key.SETTING
    return Key.COOKIE if _is_staff(request) else None


def has_token(request: HttpRequest, conf: Conf) -> bool:
    """Tell whether the request carries one of the tokens; compared in constant time, and all of them."""
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    given = token.strip().encode("utf-8", "surrogateescape")
    matches = [hmac.compare_digest(given, known.encode()) for known in conf.tokens]
    return scheme.lower() == "bearer" and any(matches)


def may_act(request: HttpRequest, key: Key | None) -> bool:
    """Tell whether the request may start or cancel a run with this key, and is not another site's doing.

    A token is sent by nobody else, so it suffices; None, where runs are public, has nothing that could be abused.
    """
    if key is Key.SETTING:
        return not _is_another_sites(request)
    return key is not Key.COOKIE or (request.method in ("POST", "DELETE") and _is_own_sites(request))


def sent_credentials(request: HttpRequest) -> bool:
    """Tell whether the caller tried: 403 is the answer then, 401 otherwise."""
    return "Authorization" in request.headers


def _asks_project(request: HttpRequest, conf: Conf) -> bool:
    try:
        return bool(conf.access and conf.access(request))
    except Exception:  # the project's own function may need what is broken just now
        logger.exception("SMOKETEST_ACCESS raised; the caller is not let in")
        return False


def _is_staff(request: HttpRequest) -> bool:
    """Tell whether AuthenticationMiddleware knows the caller as staff; without a cookie nothing is read for it."""
    if settings.SESSION_COOKIE_NAME not in request.COOKIES or not hasattr(request, "user"):
        return False
    try:
        user = request.user
        return bool(user.is_active and user.is_staff)
    except Exception as error:  # noqa: BLE001 (sessions and users are where the project keeps them, and that may be down)
        logger.warning("whether the caller is staff can't be told: %s", type(error).__name__)
        return False


def _is_another_sites(request: HttpRequest) -> bool:
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    if site:
        return site not in ("same-origin", "none")
    return bool(origin) and origin != _own_origin(request)


def _is_own_sites(request: HttpRequest) -> bool:
    """Tell whether the browser says that a page of this very site has sent the request; no page can lie about that."""
    site = request.headers.get("Sec-Fetch-Site")
    if site:
        return site == "same-origin"
    return request.headers.get("Origin") == _own_origin(request)  # what has no Sec-Fetch-Site is old, or no https


def _own_origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"
