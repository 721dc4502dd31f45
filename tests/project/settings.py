"""The project that the tests run; where its parts are comes from `tests/conftest.py`, by the environment."""

import json
import os
import sys
import time
from pathlib import Path

import pymysql

pymysql.install_as_MySQLdb()  # mysqlclient has no wheels, and here its twin in pure Python does

if "smoketest.spawned" in sys.modules:  # in a runner's process a project may take long to come up
    time.sleep(float(os.environ.get("SMOKETEST_TEST_SETUP_SECONDS", "0")))
_ROOT = Path(os.environ["SMOKETEST_TEST_DIR"])

SECRET_KEY = "not-a-secret"
ALLOWED_HOSTS = ["testserver", "127.0.0.1"]
USE_TZ = True
ROOT_URLCONF = "tests.project.urls"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "smoketest",
    "tests.project.shop.apps.ShopConfig",
    "tests.project.hearing.apps.HearingConfig",
    *(
        f"tests.project.{name}"
        for name in (
            "outcomes",
            "fixtures",
            "fixtures_broken",
            "gated",
            "gated_class",
            "forking",
            "hand",
            "hanging",
            "standing",
            "hostile",
            "nasty",
            "leaver",
            "leaky",
            "gate",
            "blocking",
            "together",
            "writers",
            "mount",
            "waits",
            "nested",
            "ready_made",
            "empty",
            "refused",
            "slow_only",
            "skipped",
            "broken_import",
            "broken_syntax",
            "broken_error",
            "broken_exit",
        )
    ),
]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": _ROOT / "default.sqlite3"},
    "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": _ROOT / "other.sqlite3"},
    # PostgreSQL and MariaDB, where there is one.
    **json.loads(os.environ.get("SMOKETEST_TEST_DATABASES", "{}")),
}
CELERY_BROKER_URL = os.environ.get("SMOKETEST_TEST_REDIS_URL", "redis://127.0.0.1:1/0")
if CELERY_BROKER_URL.startswith("sentinel:"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"master_name": "watched"}
SMOKETEST_REDIS_URL = os.environ.get("SMOKETEST_TEST_STORE_URL")
SMOKETEST_RELEASE = os.environ.get("SMOKETEST_TEST_RELEASE", "r1")
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = float(os.environ.get("SMOKETEST_TEST_SOFT_SHUTDOWN_SECONDS", "0"))
CELERY_TASK_DEFAULT_QUEUE = os.environ.get("SMOKETEST_TEST_QUEUE", "celery")
DEFAULT_EXCEPTION_REPORTER_FILTER = os.environ.get(
    "SMOKETEST_TEST_REPORTER_FILTER", "django.views.debug.SafeExceptionReporterFilter"
)
SMOKETEST_STARTS_PER_MINUTE = 10_000
SMOKETEST_TOKENS = ["old-token", "new-token"]
SMOKETEST_PUBLIC = "SMOKETEST_TEST_PUBLIC" in os.environ
SMOKETEST_APPS = os.environ["SMOKETEST_TEST_APPS"].split(",") if "SMOKETEST_TEST_APPS" in os.environ else None
LOGGING_CONFIG = None
