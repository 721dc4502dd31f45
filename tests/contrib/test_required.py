"""smoketest.contrib.required."""

import pytest
from django.test import override_settings

from smoketest.contrib import required
from smoketest.results import Outcome
from tests.contrib.running import derive, result_of, results_of


def test_variable_is_set(monkeypatch):
    """A variable that is set passes."""
    monkeypatch.setenv("OWN_KEY", "s3cret")

    assert result_of(required.RequiredVariablesTest, variables=["OWN_KEY"]).outcome is Outcome.PASSED


def test_variable_is_unset(monkeypatch):
    """A variable that is not set fails, with its name and the mend; each has a result of its own."""
    monkeypatch.setenv("OWN_KEY", "s3cret")
    monkeypatch.delenv("OTHER_KEY", raising=False)

    results = results_of(required.RequiredVariablesTest, variables=["OWN_KEY", "OTHER_KEY"])

    assert {name: result.outcome for name, result in results.items()} == {
        "test_OWN_KEY": Outcome.PASSED,
        "test_OTHER_KEY": Outcome.FAILED,
    }
    assert results["test_OTHER_KEY"].message == (
        "the environment variable OTHER_KEY is not set. "
        "Set it where this service is started (unit file, pod, dyno, .env) and start it again"
    )


def test_variable_is_empty(monkeypatch):
    """An empty variable fails."""
    monkeypatch.setenv("OWN_KEY", "")

    result = result_of(required.RequiredVariablesTest, variables=["OWN_KEY"])

    assert result.outcome is Outcome.FAILED
    assert result.message.startswith("the environment variable OWN_KEY is empty. ")


@override_settings(OWN_SETTING="s3cret", OWN_SWITCH=False)
def test_setting_is_there():
    """A setting that is there passes; False is a value."""
    results = results_of(required.RequiredSettingsTest, names=["OWN_SETTING", "OWN_SWITCH"])

    assert {result.outcome for result in results.values()} == {Outcome.PASSED}


@override_settings(OWN_SETTING="")
def test_setting_is_missing():
    """A setting that is empty or not there fails, with its name."""
    results = results_of(required.RequiredSettingsTest, names=["OWN_SETTING", "OTHER_SETTING"])

    assert {result.outcome for result in results.values()} == {Outcome.FAILED}
    assert results["test_OWN_SETTING"].message.startswith("the setting OWN_SETTING is empty. ")
    assert results["test_OTHER_SETTING"].message.startswith("there is no setting OTHER_SETTING. ")


@pytest.mark.parametrize("variables", [(), [], "OWN_KEY"])
def test_nothing_is_listed(variables):
    """A class that lists nothing, or a text in place of a list, is refused where it is defined."""
    with pytest.raises(TypeError, match=r"^OwnTest\.variables is .*; a list of what to look at is wanted$"):
        derive(required.RequiredVariablesTest, variables=variables)
