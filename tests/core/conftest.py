"""Parts that several of the core's tests need."""

import sys
from textwrap import dedent

import pytest

from smoketest.suite.discover import App, discover


@pytest.fixture
def write_app(tmp_path, monkeypatch):
    """Write an app of its own for one test: `write_app("shelf", smoke="...")`; a slash in a name makes a package."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def write(name, **modules):
        for module, source in {"__init__": "", **modules}.items():
            path = tmp_path / name / f"{module.replace('__slash__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(source))
        return App(name=name, label=name)

    yield write
    for module in set(sys.modules) - before:
        del sys.modules[module]
    discover.cache_clear()
