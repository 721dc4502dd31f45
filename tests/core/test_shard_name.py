"""The name of a shard tells whether its process is dead, and never that one is which lives."""

import resource
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from smoketest.queue.main import ShardName, _own_began, machine, name_of_this
from tests.servers import ROOT

NAMES_ITSELF = "from smoketest.queue.main import name_of_this; print(name_of_this('task'), flush=True); input()"


class Neighbour:
    """Another process of this machine that works on a shard."""

    def __init__(self):
        command = [sys.executable, "-c", NAMES_ITSELF]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.name = ShardName.parse(self.process.stdout.readline().strip())

    def die(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def neighbour():
    """A neighbour that lives."""
    machine()  # is known before anything goes wrong, as in a worker
    neighbour = Neighbour()
    yield neighbour
    neighbour.die()


@contextmanager
def no_file_to_spare():
    """Let this process open no file inside."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_lives(neighbour):
    """A process that lives is not dead."""
    assert not neighbour.name.is_dead


def test_has_died(neighbour):
    """One that has ended is."""
    neighbour.die()

    assert neighbour.name.is_dead


def test_number_of_another(neighbour):
    """One whose number another process has got meanwhile is dead."""
    ours = name_of_this("task").process.rpartition(":")[2]
    earlier = ShardName.parse(str(neighbour.name).replace(neighbour.name.process.rpartition(":")[2], ours))

    assert earlier.is_dead


def test_lives__no_file_to_spare(neighbour):
    """Who can open no file takes nobody for dead that lives."""
    with no_file_to_spare():
        is_dead = neighbour.name.is_dead

    assert not is_dead


def test_has_died__no_file_to_spare(neighbour):
    """What has died is known to have done so without a file too."""
    neighbour.die()

    with no_file_to_spare():
        is_dead = neighbour.name.is_dead

    assert is_dead


def test_named__no_file_to_spare():
    """One that could open no file when it took its name is not dead for that, and has its whole name the next time."""
    usual = name_of_this("task").process
    _own_began.clear()

    with no_file_to_spare():
        name = name_of_this("task")

    assert not name.is_dead
    assert name.process != usual
    assert name_of_this("task").process == usual


def test_lives__hidden(neighbour, monkeypatch):
    """A process that the system hides, or shows nothing of, is not dead for that."""

    def hide(*_args, **_options):
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", hide)

    assert not neighbour.name.is_dead
