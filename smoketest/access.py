"""Who may see detail and start slow runs."""

import hmac
import logging

from django.conf import settings
from django.http import HttpRequest

from smoketest.conf import Conf

logger = logging.getLogger("smoketest")

HOW_TO_GET_IN = (
    "send `Authorization: Bearer <token>` with a token of SMOKETEST_TOKENS; "
    "SMOKETEST_ACCESS or SMOKETEST_PUBLIC open it otherwise"
)


def is_allowed(request: HttpRequest, conf: Conf) -> bool:
    """Tell whether the caller may see everything and start slow runs."""
    return settings.DEBUG or has_token(request, conf) or _asks_project(request, conf)


def may_use_queue(request: HttpRequest, conf: Conf) -> bool:
    """Tell whether the caller may start slow runs and see runs by their id."""
    return conf.public or is_allowed(request, conf)


def has_token(request: HttpRequest, conf: Conf) -> bool:
    """Tell whether the request carries one of the tokens; compared in constant time, and all of them."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given = token.strip().encode("utf-8", "surrogateescape")
    matches = [hmac.compare_digest(given, known.encode()) for known in conf.tokens]
    return scheme.lower() == "bearer" and any(matches)


def _asks_project(request: HttpRequest, conf: Conf) -> bool:
    try:
        return bool(conf.access and conf.access(request))
    except Exception:  # the project's own function may need what is broken just now
        logger.exception("SMOKETEST_ACCESS raised; the caller is not let in")
        return False


def sent_credentials(request: HttpRequest) -> bool:
    """Tell whether the caller tried: 403 is the answer then, 401 otherwise."""
    return "Authorization" in request.headers
