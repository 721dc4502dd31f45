"""All that a test can do to its process: how each is recorded, and that the next one is untouched by it."""

import os
import re
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from smoketest import spawned
from smoketest.execution.runner import make_supervisor, run_supervised
from smoketest.execution.session import own_session
from smoketest.execution.starting import exec_warden
from smoketest.execution.supervisor import Supervisor
from smoketest.results import Cause, Outcome
from tests import waiting
from tests.core.making import make_app, plan_of
from tests.servers import is_alive

TIMED_OUT = (Outcome.ERRORED, Cause.TIMEOUT)
CRASHED = (Outcome.ERRORED, Cause.CRASH)
RAISED = (Outcome.ERRORED, Cause.EXCEPTION)
PASSED = (Outcome.PASSED, None)


@pytest.fixture(scope="module")
def nasty():
    """The steps of the nasty tests by `Class.method`, and the classes."""
    found, plan = plan_of(make_app("nasty"))
    return {step.id.partition(".smoke.")[2]: step for step in plan.steps}, found.classes


@pytest.fixture(scope="module", params=["fork", "exec"])
def supervisor(request, nasty):
    """A supervisor whose warden is started in one way or the other."""
    _, classes = nasty
    makers = {
        "fork": lambda: make_supervisor(lambda: own_session(classes)),
        "exec": lambda: Supervisor(lambda: exec_warden(spawned.command())),
    }
    with closing(makers[request.param]()) as supervisor:
        yield supervisor


@pytest.fixture
def run(nasty, supervisor):
    """Run a nasty test and return its result."""
    steps, _ = nasty
    return lambda name, **values: run_supervised(replace(steps[name], **values), supervisor)


def verdict(result):
    return result.outcome, result.cause


_KILLED = "timed out after 0.2 s; it did not heed the interrupt, so its process was killed"


@pytest.mark.parametrize(
    "name",
    [
        "receives",
        "accepts",
        "waits_for_a_lock",
        "waits_for_a_queue",
        "joins_a_thread",
        "waits_for_a_program",
        "selects",
        "waits_for_a_file",
        "runs_a_loop_of_its_own",
        "computes",
        "backtracks",
        "stops_itself",
    ],
)
def test_blocked(run, name, monkeypatch):
    """Wherever it blocks, a test is interrupted at its limit and told with where that was."""
    monkeypatch.setattr("smoketest.execution.supervised.GRACE_SECONDS", 10)

    result = run(f"BlockedTest.test_{name}")

    assert verdict(result) == TIMED_OUT
    assert "timed out after 0.2 s" in result.message
    assert f"in test_{name}" in result.traceback
    assert verdict(run("WorkingTest.test_passes")) == PASSED


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("queries", "in test_queries"),
        ("hashes", "in test_hashes"),
        ("ignores_all_signals", "In the kernel: state S"),
        ("blocks_all_signals", "In the kernel: state S"),
        ("stops_its_parent", "In the kernel: state S"),
    ],
)
def test_deaf(run, name, where):
    """A test that no interrupt reaches is killed, and told with where it was, by the kernel if nobody else can."""
    result = run(f"DeafTest.test_{name}")

    assert (verdict(result), result.message) == (TIMED_OUT, _KILLED)
    assert where in result.traceback
    assert verdict(run("WorkingTest.test_passes")) == PASSED


@pytest.mark.parametrize("name", ["ignores_the_interrupt", "blocks_the_interrupt", "fails"])
def test_late(run, name, monkeypatch):
    """A test that no interrupt reaches and that ends by itself after its limit has timed out, whatever it says."""
    monkeypatch.setattr("smoketest.execution.supervised.GRACE_SECONDS", 10)

    result = run(f"LateTest.test_{name}")

    assert verdict(result) == TIMED_OUT
    assert result.message == "timed out after 0.2 s; it went on in spite of the interrupt"
    assert verdict(run("WorkingTest.test_passes")) == PASSED


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("aborts", "its process was ended by signal SIGABRT"),
        ("lets_its_alarm_ring", "its process was ended by signal SIGALRM"),
        ("closes_all_files_and_hangs", "its process closed the connection to its supervisor and was killed"),
        ("kills_its_parent", "its process could not be used: the process that watches over it was ended"),
    ],
)
def test_dead(run, name, message):
    """A test whose process dies, or its warden, is told with how."""
    result = run(f"DeadTest.test_{name}")

    assert (verdict(result), result.message) == (CRASHED, message)
    assert verdict(run("WorkingTest.test_passes")) == PASSED


def test_outlives_its_warden(run):
    """A test whose process sees to it that it does not die with its warden is ended all the same."""
    result = run("DeafTest.test_outlives_its_parent", timeout_seconds=2)

    runner = int(Path(os.environ["SMOKETEST_TEST_DIR"], "outlives_its_parent").read_text())
    assert verdict(result) == TIMED_OUT
    waiting.until(lambda: not is_alive(runner), what="the runner is gone", seconds=10)


@pytest.mark.needs("postgresql")
def test_drivers_are_loaded(supervisor):
    """A process that is ready has imported the drivers of the databases: its first test has its limit for itself."""
    supervisor.prepare()

    assert "psycopg" in Path(f"/proc/{supervisor._process._pid}/maps").read_text()


@pytest.mark.skipif(sys.version_info[:2] == (3, 12), reason="this Python keeps such a stack on its heap")
def test_stack_overflow(run):
    """A stack that overflows is a crash, or an error where Python is in time to see it."""
    result = run("DeadTest.test_overflows_the_stack")

    assert verdict(result) in (CRASHED, RAISED)
    assert re.search("signal SIGSEGV|RecursionError", result.message)
    assert verdict(run("WorkingTest.test_passes")) == PASSED


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("exits_as_if_all_were_well", "SystemExit: 0"),
        ("interrupts", "KeyboardInterrupt"),
        ("ends_a_generator", "GeneratorExit"),
        ("raises_its_own", "OwnError"),
        ("stops_iterating", "StopIteration"),
        ("runs_out_of_memory", "MemoryError"),
    ],
)
def test_raising(run, name, message):
    """What looks like the end of a process and is an exception is an errored test, and the process lives on."""
    before = run("WorkingTest.test_passes")

    result = run(f"RaisingTest.test_{name}")

    assert (verdict(result), result.message) == (RAISED, message)
    assert (verdict(run("WorkingTest.test_passes")), result.pid) == (PASSED, before.pid)


@pytest.mark.parametrize(("name", "expected"), [("hangs", TIMED_OUT), ("dies", CRASHED), ("passes", PASSED)])
def test_daemon(run, supervisor, name, expected):
    """A daemon that a test starts does not outlive the process of the test, however it got away."""
    pid_file = Path(os.environ["SMOKETEST_TEST_DIR"], f"test_{name}")

    result = run(f"DaemonTest.test_{name}")
    daemon = int(pid_file.read_text())
    supervisor.renew()

    pid_file.unlink()
    assert verdict(result) == expected, (result.message, result.traceback)
    waiting.until(lambda: not is_alive(daemon), what="the daemon is gone")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("directory", "the working directory"),
        ("directory_that_is_gone", "the working directory"),
        ("environment", "the environment"),
        ("time_zone", "the time zone"),
        ("locale", "the locale"),
        ("umask", "the umask"),
        ("timer", "timers"),
        ("signal_handler", "signal handlers"),
        ("blocked_signal", "blocked signals"),
        ("resource_limit", "resource limits"),
        ("resource_limit_for_good", "resource limits"),
        ("priority", "the priority"),
        ("path", "sys.path"),
        ("recursion_limit", "the recursion limit"),
        ("garbage_collector", "the garbage collector"),
        ("socket_timeout", "the timeout of sockets"),
        ("logging", "logging.disable()"),
        ("warning_filters", "warning filters"),
        ("open_files", "open files"),
        ("thread", "threads"),
        ("thread_that_is_no_daemon", "threads"),
    ],
)
def test_leaving(run, name, what):
    """What a passing test leaves is told with its result, and the next one finds nothing of it."""
    result = run(f"LeavingTest.test_{name}")

    after = run("WorkingTest.test_passes")
    warning = result.warnings[-1]
    assert verdict(result) == PASSED
    assert warning.startswith("left behind: ")
    assert what in warning
    assert (verdict(after), after.warnings) == (PASSED, ())


@pytest.mark.parametrize("name", ["warning_filters", "open_files", "thread", "thread_that_is_no_daemon"])
def test_spent_process(run, name):
    """A process that can't be put right is replaced."""
    result = run(f"LeavingTest.test_{name}")

    assert run("WorkingTest.test_passes").pid != result.pid


def test_context(run):
    """The language that a test activates is not the next one's, in the same process."""
    first = run("ContextTest.test_a_leaves_a_language")

    second = run("ContextTest.test_b_finds_none_of_it")

    assert (verdict(first), verdict(second), second.pid) == (PASSED, PASSED, first.pid)


@pytest.mark.parametrize("name", ["starts_processes", "writes_past_python"])
def test_working(run, name):
    """A test may start processes of its own, and write where it likes."""
    assert verdict(run(f"WorkingTest.test_{name}")) == PASSED
