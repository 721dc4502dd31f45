"""The working directory and the environment that tests share with production's requests."""

import os
from pathlib import Path

import pytest

from smoketest.execution.surroundings import Surroundings

PREFIX = "changed while it ran: the environment's"
BESIDE = "; by it or by a test beside it"


@pytest.fixture
def surroundings(monkeypatch, tmp_path):
    """Those of a process that is in a directory of its own and has SURROUNDINGS set; both are put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SURROUNDINGS", "production's")
    monkeypatch.setenv("SURROUNDINGS_NEW", "")
    monkeypatch.delenv("SURROUNDINGS_NEW")
    return Surroundings()


def begin(surroundings):
    """Begin a stay; pytest has set a variable of its own since the fixture."""
    surroundings.refresh()
    return surroundings.begin()


def test_nothing_changed(surroundings):
    """A test that changes nothing is told nothing."""
    stay = begin(surroundings)

    assert surroundings.end(stay) == []


def test_directory(surroundings, tmp_path):
    """A working directory that a test has left is told and put back."""
    stay = begin(surroundings)
    os.chdir("/")

    told = surroundings.end(stay)

    assert told == ["changed while it ran: the working directory, to /"]
    assert Path.cwd() == tmp_path


def test_directory_that_is_gone(surroundings, tmp_path):
    """One that was removed too."""
    gone = tmp_path / "gone"
    gone.mkdir()
    stay = begin(surroundings)
    os.chdir(gone)
    gone.rmdir()

    told = surroundings.end(stay)

    assert told == ["changed while it ran: the working directory, to one that is gone"]
    assert Path.cwd() == tmp_path


def test_environment(surroundings):
    """A variable that was there is put back, by name only; a new one stays and is told once."""
    first = begin(surroundings)
    os.environ["SURROUNDINGS"] = "the test's"
    os.environ["SURROUNDINGS_NEW"] = "secret"
    told = surroundings.end(first)
    second = surroundings.begin()

    assert told == [f"{PREFIX} SURROUNDINGS, SURROUNDINGS_NEW"]
    assert os.environ["SURROUNDINGS"] == "production's"
    assert os.environ["SURROUNDINGS_NEW"] == "secret"
    assert surroundings.end(second) == []


def test_deleted_variable(surroundings):
    """A variable that was deleted comes back."""
    stay = begin(surroundings)
    del os.environ["SURROUNDINGS"]

    assert surroundings.end(stay) == [f"{PREFIX} SURROUNDINGS"]
    assert os.environ["SURROUNDINGS"] == "production's"


def test_side_by_side(surroundings, tmp_path):
    """Of two tests at work nobody knows which it was; it is put back when the last has ended."""
    first, second = begin(surroundings), begin(surroundings)
    os.chdir("/")

    told = surroundings.end(first)
    meanwhile = Path.cwd()
    told += surroundings.end(second)

    assert told == [f"changed while it ran: the working directory, to /{BESIDE}"] * 2
    assert meanwhile == Path("/")
    assert Path.cwd() == tmp_path


def test_given_up(surroundings, tmp_path):
    """A test that hangs for good does not keep others from being alone."""
    surroundings.leave(begin(surroundings))
    stay = begin(surroundings)
    os.chdir("/")

    assert surroundings.end(stay) == ["changed while it ran: the working directory, to /"]
    assert Path.cwd() == tmp_path


def test_changed_between_runs(surroundings):
    """What production changes between two runs is no test's doing."""
    os.environ["SURROUNDINGS"] = "production's new"
    stay = begin(surroundings)

    assert surroundings.end(stay) == []
    assert os.environ["SURROUNDINGS"] == "production's new"


def test_refresh_while_a_test_is_at_work(surroundings):
    """A run that begins beside another does not take a test's changes for production's."""
    stay = begin(surroundings)
    os.environ["SURROUNDINGS"] = "the test's"
    surroundings.refresh()

    assert surroundings.end(stay) == [f"{PREFIX} SURROUNDINGS"]
