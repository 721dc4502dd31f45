"""The service's settings; whatever differs between two installations comes from the environment."""

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management.utils import get_random_secret_key

from worker import environment

_ROOT = Path(__file__).resolve().parent.parent

DEBUG = environment.flag("DJANGO_DEBUG", os.environ.get("DJANGO_DEBUG") or "0")
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY") or (get_random_secret_key() if DEBUG else "")
if not SECRET_KEY:
    message = "DJANGO_SECRET_KEY is not set in the environment; set it to a long random text, or DJANGO_DEBUG to 1"
    raise ImproperlyConfigured(message)
ALLOWED_HOSTS = environment.names("DJANGO_ALLOWED_HOSTS", os.environ.get("DJANGO_ALLOWED_HOSTS", ""))

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "smoketest",
    "worker",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ROOT_URLCONF = "worker.urls"
WSGI_APPLICATION = "worker.wsgi.application"
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
USE_TZ = True

DATABASE_PATH = Path(os.environ.get("DATABASE_PATH") or _ROOT / "var" / "db.sqlite3")
DATABASE_PATH.parent.mkdir(parents=True, exist_ok=True)
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": DATABASE_PATH}}

CELERY_BROKER_URL = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Named without handlers, so that Django's own, which mail the admins, go.
    "loggers": {"django": {"level": "INFO"}},
}

globals().update(
    environment.given(
        {
            "SMOKETEST_APPS": environment.names,
            "SMOKETEST_SKIP_APPS": environment.names,
            "SMOKETEST_CONTRIB": environment.names,
            "SMOKETEST_TIMEOUT": environment.seconds,
            "SMOKETEST_SLOW_TIMEOUT": environment.seconds,
            "SMOKETEST_BUDGET": environment.seconds,
            "SMOKETEST_CONCURRENCY": environment.number,
            "SMOKETEST_CACHE_SECONDS": environment.seconds,
            "SMOKETEST_FAIL_STATUS": environment.number,
            "SMOKETEST_REDIS_URL": environment.text,
            "SMOKETEST_QUEUE": environment.text,
            "SMOKETEST_PARALLEL": environment.number,
            "SMOKETEST_START_TIMEOUT": environment.seconds,
            "SMOKETEST_RESULT_SECONDS": environment.seconds,
            "SMOKETEST_STARTS_PER_MINUTE": environment.number,
            "SMOKETEST_RELEASE": environment.text,
            "SMOKETEST_TOKENS": environment.names,
            "SMOKETEST_ACCESS": environment.text,
            "SMOKETEST_PUBLIC": environment.flag,
        }
    )
)
