"""The service's URLs: smoketest's, and a page that lists them."""

from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from django.views.decorators.http import require_safe

_INDEX = """\
django-smoketest

GET  /smoketest/            run the fast tests now
POST /smoketest/slow/       start a run of all tests on the workers (needs a token)
GET  /smoketest/runs/<id>/  the report of such a run (needs a token)
GET  /smoketest/metrics/    the last verdicts for Prometheus
"""


@require_safe
def index(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 (Django's signature)
    """List the URLs."""
    return HttpResponse(_INDEX, content_type="text/plain; charset=utf-8")


urlpatterns = [
    path("", index),
    path("smoketest/", include("smoketest.urls")),
]
