"""The runnable service around smoketest, and a worked example of a project that uses it."""

from worker.celery import app as celery_app

__all__ = ["celery_app"]
