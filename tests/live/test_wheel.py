"""What is shipped: the wheel, and the sources."""

import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import asgiref
import pytest

from tests.core.answering import PENDING, Answering, Said, report
from tests.servers import ROOT

pytestmark = pytest.mark.live

_SCRIPT = """
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="x",
    ALLOWED_HOSTS=["testserver"],
    INSTALLED_APPS=["smoketest", "shipped"],
    ROOT_URLCONF="smoketest.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()

from django.test import Client

import smoketest

assert smoketest.__file__.startswith(sys.prefix), smoketest.__file__
sys.stdout.write(Client().get("/").content.decode())
"""
_SMOKE = """
from smoketest import SmokeTest


class ShippedTest(SmokeTest):
    def test_is_there(self):
        self.assertTrue(True)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return build("wheel", tmp_path_factory.mktemp("dist"))


def build(target, folder):
    """Build the wheel, or the sdist, and return its path."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = folder.iterdir()
    return path


def test_sdist__holds_what_its_tests_read(tmp_path):
    """The unpacked sources hold the tests with the documentation, the locks and all else that they need."""
    with tarfile.open(build("sdist", tmp_path / "dist")) as archive:
        archive.extractall(tmp_path, filter="data")
    (sources,) = tmp_path.glob("django_smoketest-*")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/app/test_docs_reference.py", "tests/app/test_docs_examples.py"],
        cwd=sources,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert {".ci", "Makefile", "Procfile", "docs", "requirements"} <= {path.name for path in sources.iterdir()}


def test_wheel__holds_the_package_only(wheel):
    """The wheel holds smoketest with its scripts and py.typed, and nothing of worker or tests."""
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"smoketest"}
    assert "smoketest/py.typed" in names


@pytest.mark.parametrize("kind", ["css", "json", "lua"])
def test_wheel__holds_what_is_no_python(wheel, kind):
    """The wheel holds the scripts, the style and the schemas."""
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / "smoketest").rglob(f"*.{kind}")}

    names = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(f".{kind}")}

    assert names == wanted != set()


def test_wheel__runs(wheel, tmp_path):
    """Installed into an empty environment the wheel runs a smoke test."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)],
        check=True,
    )
    # What it depends on comes from here; a path file's own path files don't count, so the checkout does not.
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    (tmp_path / "shipped").mkdir()
    (tmp_path / "shipped" / "__init__.py").touch()
    (tmp_path / "shipped" / "smoke.py").write_text(_SMOKE)

    done = subprocess.run(
        [str(python), "-c", _SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False, env={}
    )

    assert done.stdout.startswith("PASS\ntest classes: 1\ntests run: 1\n"), done.stderr


def test_wheel__console_script(wheel, tmp_path):
    """Installed without its dependencies, but for asgiref, the console script works: a pipeline needs no Django."""
    environment = tmp_path / "environment"
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)],
        check=True,
    )
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (site_packages / "asgiref").symlink_to(Path(asgiref.__file__).parent)

    with Answering(PENDING, report("PASS"), Said(status=200, body="PASS\n")) as app:
        done = subprocess.run(
            [str(environment / "bin" / "smoketest"), app.url], capture_output=True, text=True, check=False, env={}
        )

    assert (done.returncode, done.stdout) == (0, "PASS\n"), done.stderr
