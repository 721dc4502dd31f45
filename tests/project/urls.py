from django.http import HttpResponse
from django.urls import include, path

urlpatterns = [
    path("ping/", lambda _request: HttpResponse("pong")),
    path("smoketest/", include("smoketest.urls")),
]
