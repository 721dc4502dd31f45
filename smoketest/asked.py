"""What a request asks for: which tests, in which format, and how long it waits."""

import math
import re
from dataclasses import fields

from django.http import HttpRequest

from smoketest.conf import Conf
from smoketest.errors import BadParameterError
from smoketest.report.formats import FORMATS, Format
from smoketest.report.negotiate import negotiate
from smoketest.suite.plan import Order, Selection

_PREFERRED_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d+)", re.IGNORECASE)
"""https://www.rfc-editor.org/rfc/rfc7240#section-4.3"""


_MOST_DIGITS = 9


def selection_of(request: HttpRequest) -> Selection:
    """Return which tests the query asks for; raises BadParameterError for a word without a value."""
    words = {each.name: tuple(request.GET.getlist(each.name)) for each in fields(Selection)}
    for name, values in words.items():
        if not all(values):
            message = f"{name}= is empty; give it a value or leave it out"
            raise BadParameterError(message)
    return Selection(**words)


def order_of(request: HttpRequest) -> Order:
    """Return what the request orders; raises BadParameterError for a word that is not known."""
    hosts = request.GET.get("hosts")
    if hosts not in (None, "all"):
        message = f"hosts={hosts} is not known; hosts=all runs every test on each host, leave it out otherwise"
        raise BadParameterError(message)
    new = request.GET.get("new")
    if new not in (None, "0", "1"):
        message = f"new={new} is not known; new=1 starts another run although the same is under way"
        raise BadParameterError(message)
    only_new = request.GET.get("only_new")
    if only_new not in (None, "0", "1"):
        message = f"only_new={only_new} is not known; only_new=1 says that old failures don't count for the caller"
        raise BadParameterError(message)
    return Order(
        selection=selection_of(request),
        on_every_host=hosts == "all",
        is_new=new == "1",
        only_new=only_new == "1",
        release=_release_of(request),
        key=request.META.get("HTTP_IDEMPOTENCY_KEY", ""),
    )


def after_of(request: HttpRequest) -> int | None:
    """Return how many results the caller has already, or None where that is not said."""
    after = request.GET.get("after")
    if after is None:
        return None
    if not (after.isascii() and after.isdigit() and len(after) <= _MOST_DIGITS):
        message = f"after={after} is no number of results, 0 or above"
        raise BadParameterError(message)
    return int(after)


def _release_of(request: HttpRequest) -> str:
    """Return the release that the query wants an answer of, or nothing; raises BadParameterError for an empty one.

    Empty it is most likely a variable of a pipeline that is not set, and any release would do.
    """
    release = request.GET.get("release")
    if release == "":
        message = "release= is empty; give it a value or leave it out"
        raise BadParameterError(message)
    return release or ""


def format_of(request: HttpRequest) -> Format:
    """Return the format that the query or else the Accept header asks for.

    An odd header is never an error, it gets text; a `format` that can't be had raises BadParameterError.
    """
    name = request.GET.get("format")
    if name is None:
        return negotiate(request.META.get("HTTP_ACCEPT", ""))
    if name not in FORMATS:
        message = f"format={name} is not known; the formats are {', '.join(FORMATS)}"
        raise BadParameterError(message)
    if not FORMATS[name].is_available:
        message = f"format={name} can't be had here: {FORMATS[name].how_to_get_it}"
        raise BadParameterError(message)
    return FORMATS[name]


def wait_of(request: HttpRequest, conf: Conf) -> float:
    """Return how many seconds the request waits for a run to finish, at most the budget."""
    asked = request.GET.get("wait")
    if asked is None:
        preferred = _PREFERRED_WAIT.search(request.META.get("HTTP_PREFER", ""))
        return min(float(preferred[1]), conf.budget) if preferred else 0.0
    try:
        seconds = float(asked)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        message = f"wait={asked} is no number of seconds, 0 or above"
        raise BadParameterError(message)
    return min(seconds, conf.budget)
