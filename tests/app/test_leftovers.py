"""What a test leaves behind is told on its result."""

import threading
from pathlib import Path

import pytest

from smoketest.failures import MOST_CHARACTERS
from tests import waiting
from tests.project.leaver import smoke as leaver_smoke
from tests.project.shop.models import FooModel


@pytest.fixture
def run(project, operator):
    """Run tests of the app, one after another; return the results by method."""
    project("leaver", concurrency=1)

    def run(name):
        results = operator.report(test=f"tests.project.leaver.smoke.{name}")["results"]
        return {each["id"].rpartition(".")[2]: each for each in results}

    yield run
    leaver_smoke.RELEASE.set()
    waiting.until(lambda: not left_running(), what="the threads have ended")
    leaver_smoke.RELEASE.clear()
    FooModel.objects.all().delete()


def left_running():
    return [
        each for each in threading.enumerate() if each._name.startswith(("forgotten", "grandchild", "server", "odd"))
    ]


def warnings(results):
    return {name: each.get("warnings", []) for name, each in results.items()}


def test_threads(run):
    """A thread that a test, or a thread of it, has started and that still runs is named; what ended is not."""
    assert warnings(run("ThreadsTest")) == {
        "test_async": [],
        "test_async_to_sync": [],
        "test_asyncio_run": [],
        "test_joined": [],
        "test_pool": [],
        "test_running": ["left running: thread forgotten"],
        "test_started_by_a_thread": ["left running: thread grandchild"],
    }


def test_odd_threads(run):
    """A thread that never began is not waited for, and none is asked by a method of its own."""
    results = run("OddThreadsTest")

    assert {name: (each["outcome"], each.get("warnings")) for name, each in results.items()} == {
        "test_join_of_its_own": ("passed", None),
        "test_never_began": ("passed", None),
    }


def test_names_of_threads(run):
    """A name that is no text, that can't be had, or that no encoding takes is told all the same, and none at length."""
    told = warnings(run("NamedThreadsTest"))

    (long_one,) = told.pop("test_without_end")
    assert told == {
        "test_number": ["left running: thread 7"],
        "test_that_cannot_be_had": ["left running: thread Nameless"],
        "test_that_no_encoding_takes": ["left running: thread odd\\udcff"],
    }
    assert len(long_one) < MOST_CHARACTERS + 100


def test_threads_of_fixtures(run):
    """What a class fixture starts may run as long as the class, and is charged to its last test."""
    assert warnings(run("ServerTest")) == {"test_a": [], "test_b": []}
    assert warnings(run("ForgetfulServerTest")) == {"test_a": [], "test_b": ["left running: thread server"]}


def test_threads_of_others(run):
    """A thread that somebody else starts meanwhile is nobody's concern."""
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, daemon=True)

    starter = threading.Timer(0, thread.start)
    starter.start()
    told = warnings(run("ThreadsTest.test_joined"))
    starter.join()
    stop.set()
    thread.join()

    assert told == {"test_joined": []}


@pytest.mark.parametrize("name", ["test_read_in_a_thread", "test_read_in_a_threads_transaction"])
def test_read_outside_the_guard(run, name):
    """A connection that a test's thread opens is told of; to read by it does no harm."""
    result = run(f"ConnectionsTest.{name}")[name]

    assert result["outcome"] == "passed"
    assert "database 'default': a connection was opened outside the guard, in thread" in result["warnings"][0]


def test_write_in_a_thread(run):
    """What a test's thread writes outside the guard can't be refused for sure, and is told as what it is."""
    result = run("ConnectionsTest.test_write_in_a_thread")["test_write_in_a_thread"]

    assert (result["outcome"], result["cause"]) == ("errored", "guard")
    assert "database 'default': written outside the guard, it may stay: INSERT INTO" in result["message"]
    assert set(FooModel.objects.values_list("name", flat=True)) == {"escaped"}


@pytest.mark.parametrize(
    "name",
    [
        "test_write_in_a_carried_context",
        "test_write_in_asyncio_run",
        "test_write_in_asyncio_run_swallowed",
        "test_write_by_a_connection_of_its_own",
        "test_write_after_throwing_the_guard_away",
    ],
)
def test_write_refused(run, name):
    """Where it is the test's own code for sure, a write outside the guard is refused, again and again."""
    first, second = [run(f"ConnectionsTest.{name}")[name] for _ in range(2)]

    assert (first["outcome"], first["cause"]) == ("errored", "guard")
    assert (second["outcome"], second["cause"]) == ("errored", "guard")
    assert "database 'default': refused outside the guard: INSERT INTO" in first["message"]
    assert not FooModel.objects.exists()


def test_connections_of_a_test_that_commits(run):
    """A test marked @commits has no guard to get around."""
    result = run("ConnectionsTest.test_write_in_a_thread_on_purpose")["test_write_in_a_thread_on_purpose"]

    assert result["outcome"] == "passed"
    assert result["warnings"] == ["marked @commits: what it wrote to the databases stays"]


def test_transactions(run):
    """A transaction that a test leaves open is rolled back at once, also where the test may commit, and told."""
    told = warnings(run("TransactionsTest"))

    message = "left open and rolled back: a transaction in database 'default'"
    assert told["test_closed"] == []
    assert told["test_open"] == [message]
    assert told["test_open_and_committing"][1:] == [message]
    assert not FooModel.objects.exists()
    FooModel.objects.create(name="nobody has locked the file")


def test_directory(run):
    """The working directory, which production's requests share, is put back; a class may have one of its own."""
    before = Path.cwd()

    told = warnings(run("DirectoryTest"))
    moved = run("MoverTest")

    assert told == {"test_changes": ["changed while it ran: the working directory, to /"]}
    assert {each["outcome"] for each in moved.values()} == {"passed"}
    assert warnings(moved) == {"test_a": [], "test_b": []}
    assert Path.cwd() == before
