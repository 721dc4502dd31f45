"""The example of docs/migrating-from-health-check.md: the old checks and the new tests say the same."""

import importlib
import re
import sys

import pytest
from django.utils.module_loading import import_string

from smoketest.suite.discover import App, load
from tests.contrib.running import answer_of, results_of
from tests.servers import ROOT

TEXT = (ROOT / "docs/migrating-from-health-check.md").read_text()
FILES = re.findall(r"```python\n# (\w+)/(\w+)\.py(?: \((before|after)\))?\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write the example's files that belong together; the model is one that has a table here."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(*wanted):
        for package, module, when, text in FILES:
            if (module, when) in wanted:
                folder = tmp_path / package
                folder.mkdir(exist_ok=True)
                (folder / "__init__.py").touch()
                source = text.replace("shop.models import Shoe", "tests.project.shop.models import FooModel as Shoe")
                (folder / f"{module}.py").write_text(source)
        importlib.invalidate_caches()

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] in ("mysite", "shop")]:
        del sys.modules[name]


def outcomes():
    """Run the tests of the app `shop`; return id -> outcome and the first line of what it says."""
    found = load((App(name="shop", label="shop"),))
    assert found.broken == {}
    return {
        f"{test_class.__name__}.{name}": (str(result.outcome), result.message)
        for test_class in dict.fromkeys(found.classes.values())
        for name, result in results_of(test_class).items()
    }


def seen_by_health_check():
    """Ask the old URL; return its status and text."""
    (pattern,) = importlib.import_module("mysite.urls").urlpatterns
    response = answer_of(pattern.callback, format="text")
    return response.status_code, response.content.decode()


def test_taken_along__bad(write):
    """Without shoes the old view and the checks in a smoke module are red, with the same words."""
    write(("urls", "before"), ("health", "before"), ("smoke", ""))

    status, text = seen_by_health_check()

    assert status == 500
    assert "Stock(least=1): Unavailable: no shoes\n" in text
    assert outcomes() == {
        "HealthChecks.test_cache": ("passed", ""),
        "HealthChecks.test_database": ("passed", ""),
        "HealthChecks.test_stock": ("failed", "Unavailable: no shoes"),
    }


@pytest.mark.usefixtures("row")
def test_taken_along__good(write):
    """With shoes both are green."""
    write(("urls", "before"), ("health", "before"), ("smoke", ""))

    assert seen_by_health_check()[0] == 200
    assert {outcome for outcome, _ in outcomes().values()} == {"passed"}


def test_replaced(write):
    """What replaces them is found and runs."""
    write(("smoke", "after"))

    seen = outcomes()

    assert seen["StockTest.test_there_are_shoes"] == ("failed", "0 not greater than or equal to 1 : no shoes")
    assert [name for name, (outcome, _) in seen.items() if outcome == "errored"] == []
    assert {name.partition(".")[0] for name in seen} == {"Caches", "Databases", "StockTest"}


def test_names():
    """What corresponds to something is there."""
    paths = re.findall(r"`((?:smoketest\.contrib\.\w+|health_check)\.[A-Z]\w+)`", TEXT)

    assert len(paths) > 10
    assert all(import_string(path) for path in paths)
