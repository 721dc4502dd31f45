"""Smoke tests under `manage.py test` and pytest, on the caller's thread."""

import os
import subprocess
import sys

import pytest

from tests.servers import ROOT

_SETTINGS = """
SECRET_KEY = "x"
INSTALLED_APPS = ["smoketest", "tests.project.shop.apps.ShopConfig", "till"]
DATABASES = {
    alias: {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{alias}.sqlite3", "TEST": {"NAME": f"t-{alias}.sqlite3"}}
    for alias in ("default", "other")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "smoketest.urls"
ALLOWED_HOSTS = ["testserver"]
"""
_SMOKE = """
from django.db import connections, transaction
from tests.project.shop.models import FooModel
from smoketest import SmokeTest

import pytest
pytestmark = pytest.mark.django_db(databases=["default", "other"])


class TillTest(SmokeTest):
    def test_a_writes(self):
        for alias in connections:
            FooModel.objects.using(alias).create(name="a")

    def test_b_sees_none_of_it(self):
        for alias in connections:
            self.assertFalse(FooModel.objects.using(alias).exists())

    def test_c_on_commit(self):
        ran = []
        with self.captureOnCommitCallbacks(using="other", execute=True) as callbacks:
            with transaction.atomic(using="other", durable=True):
                transaction.on_commit(lambda: ran.append(1), using="other")
        self.assertEqual((ran, len(callbacks)), ([1], 1))
"""
_TESTS = """
from django.test import TestCase
from smoketest.signals import run_finished
from tests.project.shop.models import FooModel


class UrlTest(TestCase):
    databases = {"default", "other"}

    def test_smoke_tests_see_the_test_cases_data(self):
        FooModel.objects.create(name="of the test case")

        text = self.client.get("/?app=shop").content.decode()

        self.assertTrue(text.startswith("PASS"), text)
        self.assertEqual(FooModel.objects.count(), 1)

    def test_receivers_see_the_test_cases_data(self):
        seen = []
        receiver = lambda **_: seen.append(FooModel.objects.count())
        run_finished.connect(receiver)
        self.addCleanup(run_finished.disconnect, receiver)
        FooModel.objects.create(name="of the test case")

        self.client.get("/?app=shop")

        self.assertEqual(seen, [1])
"""


@pytest.fixture
def run(tmp_path):
    """Run a module of Python in a project with the app `till`."""
    (tmp_path / "site_settings.py").write_text(_SETTINGS)
    (tmp_path / "till").mkdir()
    (tmp_path / "till" / "__init__.py").touch()
    (tmp_path / "till" / "smoke.py").write_text(_SMOKE)
    (tmp_path / "till" / "tests.py").write_text(_TESTS)

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("SMOKETEST_")},
                "DJANGO_SETTINGS_MODULE": "site_settings",
                "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
                "SMOKETEST_TEST_DIR": str(tmp_path),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_manage_py_test(run):
    """`manage.py test` runs smoke tests in the test databases, each rolled back."""
    done = run("django", "test", "till.smoke")

    assert "Ran 3 tests" in done.stderr
    assert done.returncode == 0, done.stderr


def test_pytest_django(run):
    """Pytest with pytest-django runs them too."""
    done = run("pytest", "-p", "pytest_django", "-p", "no:cacheprovider", "-c", os.devnull, "till/smoke.py")

    assert "3 passed" in done.stdout, done.stdout


def test_inside_a_test_case(run):
    """Asked through the test client inside a TestCase, tests and receivers see its data and leave it alone."""
    done = run("django", "test", "till.tests")

    assert "Ran 2 tests" in done.stderr
    assert done.returncode == 0, done.stderr
