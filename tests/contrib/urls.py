"""Pages as a project has them: sound, broken, closed, moved."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseServerError
from django.shortcuts import redirect
from django.urls import include, path

from tests.project.shop.models import FooModel


def answer(_request):
    return HttpResponse("here")


def break_down(_get_response):
    def middleware(_request):
        raise RuntimeError("the middleware breaks down")

    return middleware


def fail(_request):
    raise RuntimeError("the template is missing")


def fail_quietly(_request):
    return HttpResponseServerError("sorry")


def write(_request):
    FooModel.objects.create(name="written by a page")
    return HttpResponse("written")


def break_transaction(_request):
    FooModel.objects.create(pk=FooModel.objects.create(name="once").pk, name="twice")


def tell(request):
    words = (request.get_host(), request.scheme, request.path, request.GET.get("page", ""))
    return HttpResponse(" ".join(words), status=200 if words == EXPECTED else 400)


EXPECTED = ("www.shop.example", "https", "/app/tell/ü/", "2")


async def answer_later(_request):
    return HttpResponse(str(await FooModel.objects.acount()))


urlpatterns = [
    path("", answer, name="home"),
    path("fails/", fail),
    path("fails-quietly/", fail_quietly),
    path("writes/", write),
    path("breaks/", break_transaction),
    path("closed/", login_required(answer), name="closed"),
    path("moved/", lambda _request: redirect("/?token=s3cret")),
    path("tell/ü/", tell),
    path("async/", answer_later),
    path("smoketest/", include("smoketest.urls")),
]
