"""The examples of docs/ready-made-tests.md."""

import pkgutil
import re

import pytest

import smoketest.contrib
from smoketest.cases import SmokeTest
from smoketest.suite.discover import App, discover
from tests.servers import ROOT

TEXT = (ROOT / "docs" / "ready-made-tests.md").read_text()
EXAMPLES = "\n".join(re.findall(r"```python\n(?!# settings)(.*?)```", TEXT, re.DOTALL))
MODULES = {each.name for each in pkgutil.iter_modules(smoketest.contrib.__path__)} - {"one_each", "telling"}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What is found in an app whose smoke module holds all examples."""
    folder = tmp_path_factory.mktemp("project") / "ready_made_examples"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "smoke.py").write_text(EXAMPLES)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder.parent)
        return discover((App(name="ready_made_examples", label="examples"),))


def test_each_is_found(found):
    """Each example is a class whose tests are found, and nothing in it is broken."""
    written = set(re.findall(r"^class (\w+)\(", EXAMPLES, re.MULTILINE))

    assert found.broken == {}
    assert {test_class.__name__ for test_class in found.classes.values()} == written
    assert all(issubclass(test_class, SmokeTest) for test_class in found.classes.values())


def test_each_module_has_an_example():
    """No ready-made test goes without an example."""
    shown = set(re.findall(r"^from smoketest\.contrib\.(\w+) import", EXAMPLES, re.MULTILINE))

    assert shown == MODULES


def test_attributes_are_real(found):
    """What an example sets is an attribute of the ready-made class."""
    classes = set(found.classes.values())

    unknown = {
        name
        for test_class in classes
        for name in vars(test_class)
        if not name.startswith(("_", "test_")) and not hasattr(test_class.__base__, name)
    }

    assert unknown == set()
