"""Answers the probes that come by an IP address or without TLS, which Django refuses or redirects.

A load balancer asks each machine by its address, so that ALLOWED_HOSTS does not know the Host header, and often without
TLS, so that SECURE_SSL_REDIRECT sends it elsewhere. Both are right for everything but for a probe.
"""

from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import Resolver404, resolve

from smoketest import views

Answer = HttpResponseBase | Awaitable[HttpResponseBase]
View = Callable[[HttpRequest], HttpResponseBase]

_VIEWS: dict[str, View] = {
    "smoketest": views.FastView.as_view(is_probe=True),
    "metrics": views.MetricsView.as_view(is_probe=True),
}
"""The URLs by name that are open to everybody; the others are not for probes."""


class ProbeMiddleware:
    """Stands first in MIDDLEWARE and leaves all alone but those probes that what follows would send away.

    What it answers holds nothing of the Host header, and detail for a token alone: whoever owns a name can have a
    browser ask for it here, as somebody who is let in otherwise.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Answer]) -> None:
        """Take what comes next."""
        self._get_response = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Answer:
        """Answer a probe, or let the request go on."""
        view = _view_for(request) if _would_be_sent_away(request) else None
        if view is None:
            return self._get_response(request)
        return sync_to_async(view)(request) if self._is_async else view(request)


def _would_be_sent_away(request: HttpRequest) -> bool:
    try:
        request.get_host()
    except DisallowedHost:
        return True
    return settings.SECURE_SSL_REDIRECT and not request.is_secure()


def _view_for(request: HttpRequest) -> View | None:
    if request.method not in ("GET", "HEAD"):
        return None
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return None
    return _VIEWS.get(match.url_name or "") if match.app_names[-1:] == ["smoketest"] else None
