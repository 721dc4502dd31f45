"""The project's settings; how it is to be measured comes from `benchmarks`, by the environment."""

import json
import os
from pathlib import Path
from typing import Any

import pymysql

pymysql.install_as_MySQLdb()  # mysqlclient has no wheels, and here its twin in pure Python does

SECRET_KEY = "not-a-secret"  # noqa: S105 (nothing is kept with it)
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
ROOT_URLCONF = "benchmarks.project.urls"
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
INSTALLED_APPS = [
    "smoketest",
    *(
        f"benchmarks.project.{name}"
        for name in ("empty", "sleeping", "database", "hanging", "locking", "queued")
        if name in os.environ.get("BENCH_APPS", name)
    ),
]
DATABASES: dict[str, Any] = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ["BENCH_DIR"]) / "db.sqlite3",
    },
    **json.loads(os.environ.get("BENCH_DATABASES", "{}")),
}
CELERY_BROKER_URL = os.environ.get("BENCH_REDIS", "redis://127.0.0.1:1/0")
CELERY_RESULT_BACKEND = CELERY_BROKER_URL
SMOKETEST_CONCURRENCY = int(os.environ.get("BENCH_CONCURRENCY", "4"))
SMOKETEST_BUDGET = 25
SMOKETEST_TOKENS = ["bench"]
SMOKETEST_STARTS_PER_MINUTE = 100_000
