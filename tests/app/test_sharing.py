"""Inline reports that several callers get."""

import sys
import threading
import time
from queue import SimpleQueue

import pytest

from smoketest import conf, sharing
from smoketest.results import Plan
from tests import waiting
from tests.app.flights import followers

FOLLOWERS = 5


class Runs:
    """Runs that end one after another as they are told: with a report, or by raising."""

    def __init__(self):
        self.begun = 0
        self.endings = SimpleQueue()

    def make(self):
        self.begun += 1
        ending = self.endings.get()
        if isinstance(ending, Exception):
            raise ending
        return ending


@pytest.fixture
def runs():
    """Runs that end when they are told."""
    return Runs()


def ask(runs, answers):
    until = time.monotonic() + waiting.LIMIT_SECONDS
    try:
        answers.append(sharing.serve(Plan(steps=()), conf.current(), runs.make, until=until))
    except RuntimeError as error:
        answers.append(error)


@pytest.mark.parametrize("failures", [1, 2])
def test_leader_raises(runs, failures):
    """Where the run raises that many wait for, one of them makes the next, and the others wait for that."""
    answers = []
    threads = [threading.Thread(target=ask, args=(runs, answers), daemon=True) for _ in range(1 + FOLLOWERS)]
    for thread in threads:
        thread.start()

    for failed in range(failures):
        waiting.until(lambda left=FOLLOWERS - failed: followers() == left, what="all but one wait")
        runs.endings.put(RuntimeError("no thread to give"))
    waiting.until(lambda: followers() == FOLLOWERS - failures, what="one makes the next run, the others wait")
    runs.endings.put("the report")
    for _ in threads:
        runs.endings.put("one too many")
    for thread in threads:
        thread.join()

    assert runs.begun == failures + 1
    assert answers.count(("the report", 0.0)) == 1 + FOLLOWERS - failures


def test_leader_takes_too_long(runs):
    """Nobody waits for another's run for longer than the own one may take."""
    answers = []
    leader = threading.Thread(target=ask, args=(runs, answers), daemon=True)
    leader.start()
    waiting.until(lambda: runs.begun, what="the leader's run is under way")

    own = sharing.serve(Plan(steps=()), conf.current(), lambda: "their own", until=time.monotonic())
    runs.endings.put("the report")
    leader.join()

    assert own == ("their own", 0.0)
    assert answers == [("the report", 0.0)]


@pytest.fixture
def switching():
    """Let threads take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("switching")
def test_many_plans_at_once():
    """Those whose reports are kept at the same time are in nobody's way, and no more are kept than may be."""
    done = []

    def keep_many(name):
        for number in range(10_000):
            sharing._keep((name, number), "a report")
        done.append(name)

    threads = [threading.Thread(target=keep_many, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    kept = len(sharing._kept)
    sharing._kept.clear()
    assert sorted(done) == ["a", "b", "c", "d"]
    assert kept <= sharing._MOST_KEPT + len(threads)
