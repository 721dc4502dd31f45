import os

from django.core.wsgi import get_wsgi_application

from benchmarks.project.celery import app

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "benchmarks.project.settings")
application = get_wsgi_application()

__all__ = ["app", "application"]
