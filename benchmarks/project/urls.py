from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def bare(_request: HttpRequest) -> HttpResponse:
    """Do nothing: what Django and the server cost by themselves."""
    return HttpResponse("PASS", content_type="text/plain")


urlpatterns = [path("bare/", bare), path("smoketest/", include("smoketest.urls"))]
