"""The tests' project with databases that fail, and little patience."""

from tests.project.settings import *  # noqa: F403 (a project's settings for another environment are made like this)
from tests.project.settings import INSTALLED_APPS as _APPS

INSTALLED_APPS = [*_APPS, "tests.project.traffic"]
SMOKETEST_APPS = ["tests.project.mount", "tests.project.traffic"]
SMOKETEST_TIMEOUT = 1
SMOKETEST_BUDGET = 4
ROOT_URLCONF = "tests.project.traffic.urls"
