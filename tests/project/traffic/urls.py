import time

from django.http import HttpResponse
from django.urls import path

from tests.project import urls


def takes_its_time(_request):
    time.sleep(0.2)
    return HttpResponse("done")


urlpatterns = [*urls.urlpatterns, path("long/", takes_its_time)]
