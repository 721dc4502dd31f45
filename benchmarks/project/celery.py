"""The project's Celery app, and the bare tasks that queued tests are measured against."""

import os

import redis
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.project.settings")

app = Celery("benchmarks.project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@app.task
def nothing() -> None:
    """Do nothing, and keep a result."""


@app.task(ignore_result=True)
def count(key: str) -> None:
    """Do nothing but count, once, for all to see."""
    redis.Redis.from_url(app.conf.broker_url).incr(key)
