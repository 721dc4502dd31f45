"""What a queued test finds, and what it leaves to the next."""

import logging
import os
import sqlite3

import pytest

from smoketest.execution.runner import make_supervisor, run_supervised
from smoketest.execution.session import own_session
from smoketest.execution.standing import standing_by
from smoketest.suite.discover import discover
from smoketest.suite.plan import Limits, Selection, make_plan


@pytest.fixture
def run_app(write_app):
    """Run the tests of a throw-away app in a supervised process; return outcome, cause and message of each."""
    supervisors = []

    def run(name, source):
        found = discover((write_app(name, smoke=source),))
        supervisors.append(make_supervisor(lambda: own_session(found.classes)))
        plan = make_plan(found, Selection(), Limits(fast_seconds=20, slow_seconds=20), with_slow=True)
        results = [run_supervised(step, supervisors[-1]) for step in plan.steps]
        run.warnings = {each.id.rpartition(".")[2]: each.warnings for each in results}
        return {each.id.rpartition(".")[2]: (each.outcome, each.cause, each.message) for each in results}

    yield run
    for supervisor in supervisors:
        supervisor.close()


@pytest.mark.parametrize("first", ["passes", "hangs"])
def test_class_is_torn_down(write_app, tmp_path, first):
    """A class whose next test is not run here, or in another process, is torn down in the one where it was set up."""
    log = tmp_path / "log"
    app = write_app(
        "torn",
        smoke=f"""
        import time
        from pathlib import Path

        from smoketest import SmokeTest


        def note(word):
            with Path({str(log)!r}).open("a") as log:
                print(word, file=log)


        class TornTest(SmokeTest):
            @classmethod
            def setUpClass(cls):
                note("up")

            @classmethod
            def tearDownClass(cls):
                note("down")

            def test_a_passes(self):
                note("passes")

            def test_b_hangs(self):
                note("hangs")
                time.sleep(600)

            def test_c_comes_last(self):
                note("comes last")
        """,
    )
    found = discover((app,))
    plan = make_plan(found, Selection(k=(first, "last")), Limits(fast_seconds=1, slow_seconds=1), with_slow=True)
    taken_here, _ = plan.steps

    with standing_by(tmp_path, lambda: make_supervisor(lambda: own_session(found.classes))) as supervisor:
        result = run_supervised(taken_here, supervisor)
    supervisor.close()

    assert result.outcome == {"passes": "passed", "hangs": "errored"}[first]
    assert log.read_text().split() == ["up", first, "down"]


def test_log_files_do_not_become_databases(run_app, tmp_path):
    """A file that the worker logs to is not written to under the number of a file that the test opens."""
    handlers = [logging.FileHandler(tmp_path / f"{number}.log") for number in range(4)]
    for handler in handlers:
        logging.getLogger("inherited").addHandler(handler)
    path = tmp_path / "production.sqlite3"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE orders (id INTEGER)")
    database.commit()
    database.close()

    outcomes = run_app(
        "ledger",
        f"""
        import logging
        import sqlite3

        from smoketest import SmokeTest


        class LedgerTest(SmokeTest):
            def test_logs_while_a_database_is_open(self):
                databases = [sqlite3.connect({str(path)!r}) for _ in range(8)]
                for database in databases:
                    database.execute("PRAGMA table_info(orders)")
                logging.getLogger("inherited").error("hello " * 1000)
        """,
    )

    for handler in handlers:
        logging.getLogger("inherited").removeHandler(handler)
        handler.close()
    assert outcomes["test_logs_while_a_database_is_open"][0] == "passed"
    assert path.read_bytes().startswith(b"SQLite format 3\0")


def test_next_test_is_clean(run_app):
    """Alarms, handlers, limits, threads and the like that a test leaves do nothing to the next."""
    outcomes = run_app(
        "leaver",
        """
        import faulthandler
        import os
        import signal
        import socket
        import sys
        import threading
        import time

        from smoketest import SmokeTest


        class LeaverTest(SmokeTest):
            def test_a_leaves_an_alarm(self):
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                socket.setdefaulttimeout(0.001)
                os.umask(0o777)
                sys.path.insert(0, "/nowhere")
                signal.setitimer(signal.ITIMER_REAL, 0.5)
                faulthandler.dump_traceback_later(0.5, exit=True)

            def test_b_finds_none_of_it(self):
                threading.Event().wait(0.6)
                self.assertNotEqual(signal.getsignal(signal.SIGTERM), signal.SIG_IGN)
                self.assertIsNone(socket.getdefaulttimeout())
                self.assertNotEqual(os.umask(0o22), 0o777)
                self.assertNotIn("/nowhere", sys.path)

            def test_c_leaves_a_thread(self):
                threading.Thread(target=lambda: (time.sleep(0.5), os._exit(9)), daemon=True).start()

            def test_d_is_not_its_victim(self):
                threading.Event().wait(0.6)
        """,
    )

    assert {name: outcome for name, (outcome, _, _) in outcomes.items()} == dict.fromkeys(outcomes, "passed")


def test_told_to_end(run_app):
    """A test goes on when all of its service is told to end, but what it has started ends when it is told to."""
    outcomes = run_app(
        "told",
        """
        import multiprocessing
        import os
        import signal
        import subprocess
        import time

        from smoketest import SmokeTest


        class ToldTest(SmokeTest):
            def test_goes_on(self):
                os.kill(os.getpid(), signal.SIGTERM)

            def test_ends_a_program(self):
                program = subprocess.Popen(["sleep", "60"])
                program.terminate()
                self.assertEqual(program.wait(10), -signal.SIGTERM)

            def test_ends_a_fork(self):
                fork = multiprocessing.get_context("fork").Process(target=time.sleep, args=[60])
                fork.start()
                fork.terminate()
                fork.join(10)
                self.assertEqual(fork.exitcode, -signal.SIGTERM)
        """,
    )

    assert {name: outcome for name, (outcome, _, _) in outcomes.items()} == dict.fromkeys(outcomes, "passed")


def test_left_behind_is_told(run_app):
    """What a test leaves behind is put right and told, on its own result and on no other."""
    run_app(
        "teller",
        """
        import os
        import signal
        import socket
        import sys

        from smoketest import SmokeTest


        class TellerTest(SmokeTest):
            def test_a_handler(self):
                signal.signal(signal.SIGTERM, signal.SIG_IGN)

            def test_b_timer(self):
                signal.setitimer(signal.ITIMER_REAL, 100)

            def test_c_environment(self):
                os.environ["TELLER"] = "secret"
                del os.environ["PATH"]

            def test_d_directory(self):
                os.chdir("/")

            def test_e_rest(self):
                socket.setdefaulttimeout(3)
                os.umask(0o777)
                sys.path.insert(0, "/nowhere")

            def test_f_nothing(self):
                self.assertIn("PATH", os.environ)
                self.assertNotEqual(os.getcwd(), "/")
        """,
    )

    assert run_app.warnings == {
        "test_a_handler": ("left behind: signal handlers",),
        "test_b_timer": ("left behind: timers",),
        "test_c_environment": ("left behind: the environment",),
        "test_d_directory": ("left behind: the working directory",),
        "test_e_rest": ("left behind: the umask, sys.path, the timeout of sockets",),
        "test_f_nothing": (),
    }


def test_what_fixtures_change_stands_as_long_as_they(run_app):
    """A working directory that setUpClass goes to is there for all tests of the class, and for nobody after it."""
    outcomes = run_app(
        "mover",
        """
        import os

        from smoketest import SmokeTest


        class AMoverTest(SmokeTest):
            @classmethod
            def setUpClass(cls):
                cls.before = os.getcwd()
                os.chdir("/")

            @classmethod
            def tearDownClass(cls):
                os.chdir(cls.before)

            def test_a(self):
                self.assertEqual(os.getcwd(), "/")

            def test_b(self):
                self.assertEqual(os.getcwd(), "/")


        class BOtherTest(SmokeTest):
            def test_c(self):
                self.assertNotEqual(os.getcwd(), "/")
        """,
    )

    assert {name: outcome for name, (outcome, _, _) in outcomes.items()} == dict.fromkeys(outcomes, "passed")
    assert set(run_app.warnings.values()) == {()}


_MOST_FILES = 4096


def is_open(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (b"\0\0\0\5hello", "JSONDecodeError: Expecting value"),
        (b"hello", "ValueError: a message of 1751477356 bytes"),
        (b"\0\0\0\2{}", "KeyError: 'result'"),
    ],
)
def test_test_that_writes_into_the_channel(run_app, written, why):
    """A test that writes into whatever is open is errored itself, and the next one runs."""
    of_these_tests = {fd for fd in range(_MOST_FILES) if is_open(fd)}
    outcomes = run_app(
        "scribbler",
        f"""
        import os

        from smoketest import SmokeTest


        class ScribblerTest(SmokeTest):
            def test_a_scribbles(self):
                for fd in set(range({_MOST_FILES})) - {of_these_tests}:
                    try:
                        os.write(fd, {written})
                    except OSError:
                        pass

            def test_b_passes(self):
                pass
        """,
    )

    assert outcomes["test_a_scribbles"][:2] == ("errored", "crash")
    assert f"its process could not be used: {why}" in outcomes["test_a_scribbles"][2]
    assert outcomes["test_b_passes"][0] == "passed"


def test_fixtures_outlive_an_old_process(run_app, tmp_path):
    """A class with more tests than a process runs keeps its process, so that its fixtures are torn down."""
    calls = tmp_path / "calls"
    tests = "\n".join(f"            def test_{number:04}(self): pass" for number in range(520))

    outcomes = run_app(
        "crowd",
        f"""
        from smoketest import SmokeTest


        class CrowdTest(SmokeTest):
            @classmethod
            def setUpClass(cls):
                open({str(calls)!r}, "a").write("up ")

            @classmethod
            def tearDownClass(cls):
                open({str(calls)!r}, "a").write("down ")

{tests}
        """,
    )

    assert len(outcomes) == 520
    assert calls.read_text() == "up down "


def test_no_process(run_app, monkeypatch):
    """Where no process can be started the test is errored with the reason."""

    def fork():
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(os, "fork", fork)

    outcomes = run_app(
        "hermit",
        """
        from smoketest import SmokeTest


        class HermitTest(SmokeTest):
            def test_passes(self):
                pass
        """,
    )

    assert outcomes["test_passes"] == (
        "errored",
        "not_run",
        "there is no process to run it in: BlockingIOError: no more processes",
    )
