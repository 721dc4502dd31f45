"""The URLs, to be included by a project: `path("smoketest/", include("smoketest.urls"))`."""

from collections.abc import Callable
from typing import Any

from django.db import connections, transaction
from django.http.response import HttpResponseBase
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from smoketest import views

app_name = "smoketest"


def _plain(view: Callable[..., HttpResponseBase]) -> Any:
    """Keep the project's middleware and databases out of the way of a view.

    CSRF tokens are not asked for: with a cookie alone a run is started or cancelled only by a page of the site itself
    (`access.may_act`).
    """
    for alias in connections:
        view = transaction.non_atomic_requests(using=alias)(view)
    exempt = csrf_exempt(view)
    exempt.login_required = False  # type: ignore[attr-defined] # what LoginRequiredMiddleware looks at
    return exempt


urlpatterns = [
    path("", _plain(views.FastView.as_view()), name="smoketest"),
    path("slow/", _plain(views.SlowView.as_view()), name="slow"),
    path("metrics/", _plain(views.MetricsView.as_view()), name="metrics"),
    path("runs/", _plain(views.RunsView.as_view()), name="runs"),
    path("runs/<str:run_id>/", _plain(views.RunView.as_view()), name="run"),
]
