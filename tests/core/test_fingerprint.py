"""The digest of the smoke modules' source."""

from smoketest.suite.discover import App
from smoketest.suite.fingerprint import fingerprint
from tests.core.making import make_app


def of(*apps):
    return fingerprint.__wrapped__(tuple(apps))


def test_same_source():
    """The fingerprint depends on the source alone, not on the order of the apps."""
    assert of(make_app("shop"), make_app("nested")) == of(make_app("nested"), make_app("shop"))


def test_changed_source(write_app):
    """Another source of a smoke module gives another fingerprint, and nothing of it is imported."""
    before = of(write_app("printed", smoke="raise SystemExit"))
    after = of(write_app("printed", smoke="raise SystemExit(1)"))

    assert len(before) == len(after) == 12
    assert before != after


def test_deep_module(write_app):
    """Modules of a package at any depth are part of it, by their names too."""
    one = of(write_app("shelf", smoke__slash____init__="", smoke__slash__deep__slash__mail="pass"))
    other = of(write_app("shelf", smoke__slash__deep__slash__post="pass"))

    assert one != other


def test_no_smoke_module():
    """Without a smoke module there is none."""
    assert of(make_app("empty")) == ""


def test_once_a_process(write_app):
    """What a process has answered once it answers on: its code may be replaced under it."""
    app = write_app("printed", smoke="pass")
    before = fingerprint((app,))
    write_app("printed", smoke="changed = True")

    assert fingerprint((app,)) == before


def test_listed_class():
    """The source of a class that the settings list is part of it, and which class it is."""
    one = of(App(name="smoketest", label="smoketest", listed="smoketest.contrib.required.RequiredSettingsTest"))
    other = of(App(name="smoketest", label="smoketest", listed="smoketest.contrib.required.RequiredVariablesTest"))

    assert len(one) == len(other) == 12
    assert one != other
