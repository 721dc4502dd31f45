"""What stands by between runs: whose it is, how long it stays, and that no test has run in it."""

import os
import signal
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from textwrap import dedent
from types import ModuleType, SimpleNamespace

import pytest
from django.conf import UserSettingsHolder, global_settings

from smoketest import spawned, supervision
from smoketest.execution import standing, warden
from smoketest.execution.runner import make_serve, run_supervised
from smoketest.execution.session import own_session
from smoketest.execution.starting import fork_warden
from smoketest.execution.supervisor import Supervisor
from smoketest.results import Cause, Outcome
from tests import waiting
from tests.core.making import make_step
from tests.servers import ROOT, children, is_alive


def echo(channel):
    """Answer each message with who answers, after as long as it says."""
    for message in warden.messages_of(channel):
        time.sleep(message.get("seconds", 0.0))
        channel.send({"pid": os.getpid(), "warden": os.getppid()})


@pytest.fixture
def lend():
    """Lend a supervisor under a key; what is kept is closed at the end."""
    yield lambda key: standing.standing_by(key, lambda: Supervisor(lambda: fork_warden(echo)))
    while standing._kept:
        standing._kept.pop().supervisor.close()


def fail_to_fork():
    raise BlockingIOError


def ask(supervisor, **message):
    return supervisor.ask({"seconds": 0.0, **message}, seconds=10).answer


def test_kept(lend):
    """The next one with the same key has the same warden, and a process in which nothing has run yet."""
    with lend("a") as supervisor:
        first = ask(supervisor)

    with lend("a") as supervisor:
        second = ask(supervisor)

    assert first["warden"] == second["warden"]
    assert first["pid"] != second["pid"]
    assert not is_alive(first["pid"])


def test_next_process_stands_by(lend):
    """The process of the next run is there before that begins."""
    with lend("a") as supervisor:
        was_ready = supervisor.is_ready
        first = ask(supervisor)
    (standing_by,) = children(first["warden"])

    with lend("a") as supervisor:
        is_ready = supervisor.is_ready
        second = ask(supervisor)

    assert (was_ready, is_ready) == (False, True)
    assert second["pid"] == standing_by
    assert not is_alive(first["pid"])


def test_standby_that_was_killed(lend):
    """A process that was killed while it stood by is nobody's: another takes its place."""
    with lend("a") as supervisor:
        first = ask(supervisor)
    (standing_by,) = children(first["warden"])
    os.kill(standing_by, signal.SIGKILL)
    waiting.until(lambda: not is_alive(standing_by), what="it is dead")

    with lend("a") as supervisor:
        is_ready = supervisor.is_ready
        supervisor.prepare()
        second = ask(supervisor)

    assert not is_ready

    assert second["warden"] == first["warden"]
    assert second["pid"] != standing_by


def test_other_key(lend):
    """What was kept for other code than that of the next run is ended, never lent."""
    with lend("old") as supervisor:
        old = ask(supervisor)

    with lend("new") as supervisor:
        new = ask(supervisor)

    assert new["warden"] != old["warden"]
    assert not is_alive(old["warden"])


def test_two_at_once(lend):
    """Those who run side by side each have their own."""
    with lend("a") as one, lend("a") as other:
        wardens = {ask(one)["warden"], ask(other)["warden"]}

    assert len(wardens) == 2


def test_error(lend):
    """A supervisor in whose use something went wrong is not kept."""
    answers = []

    def use():
        with lend("a") as supervisor:
            answers.append(ask(supervisor))
            raise LookupError

    with pytest.raises(LookupError):
        use()
    assert not standing._kept
    assert not is_alive(answers[0]["warden"])


def test_idle(lend, monkeypatch):
    """What nobody has a message for long goes, warden and process, and the next run has new ones."""
    monkeypatch.setattr(warden, "IDLE_SECONDS", 0.5)
    with lend("a") as supervisor:
        first = ask(supervisor)
    waiting.until(lambda: not is_alive(first["warden"]), what="the warden is gone")

    with lend("a") as supervisor:
        is_ready = supervisor.is_ready
        supervisor.prepare()
        second = ask(supervisor)

    assert not is_ready
    assert second["warden"] != first["warden"]


def test_idle__about_to_go(lend, monkeypatch):
    """One that has stood by for so long that it may go at any moment gets no message any more."""
    with lend("a") as supervisor:
        first = ask(supervisor)
    (standing_by,) = children(first["warden"])
    monkeypatch.setattr(warden, "IDLE_SECONDS", 0.0)

    with lend("a") as supervisor:
        supervisor.prepare()
        second = ask(supervisor)

    assert second["warden"] == first["warden"]
    assert second["pid"] not in (first["pid"], standing_by)


def test_busy_warden_stays(lend, monkeypatch):
    """While a process is in use its warden does not go, however long it has nothing to do."""
    monkeypatch.setattr(warden, "IDLE_SECONDS", 1.0)

    with lend("a") as supervisor:
        first = ask(supervisor, seconds=2.5)
        second = ask(supervisor)

    assert first == second


def test_nothing_to_do(lend):
    """One that had nothing to do stands by for the next run."""
    with lend("a") as supervisor:
        first = ask(supervisor)
    (standing_by,) = children(first["warden"])
    with lend("a") as supervisor:
        supervisor.prepare()

    with lend("a") as supervisor:
        second = ask(supervisor)

    assert second["pid"] == standing_by


def test_dead_warden(lend):
    """Where the warden has died another one's process takes the message."""
    with lend("a") as supervisor:
        first = ask(supervisor)
    (standing_by,) = children(first["warden"])
    os.kill(first["warden"], signal.SIGKILL)
    waiting.until(lambda: not is_alive(standing_by), what="both are dead")

    with lend("a") as supervisor:
        supervisor.prepare()
        second = ask(supervisor)

    assert second["warden"] != first["warden"]


def test_no_process_to_be_had(lend, monkeypatch):
    """That none was to be had at the end of a run is no reason to refuse the next run one."""
    with lend("a") as supervisor:
        first = ask(supervisor)
        os.kill(first["warden"], signal.SIGKILL)
        waiting.until(lambda: not is_alive(first["warden"]), what="it is dead")
        monkeypatch.setattr(os, "fork", fail_to_fork)
    monkeypatch.undo()

    with lend("a") as supervisor:
        second = ask(supervisor)

    assert second


def test_forked_process_has_no_claim(lend):
    """A process that was forked from the one that keeps a supervisor does not use it."""
    with lend("a") as supervisor:
        first = ask(supervisor)

    standing._kept[0] = standing._Kept(supervisor, "a", pid=1)
    with lend("a") as other:
        second = ask(other)

    supervisor.close()
    assert second["warden"] != first["warden"]


def test_refused_for_a_moment():
    """Where there was no process to be had a moment ago, the next test is run in one all the same."""
    refusals = [BlockingIOError("no more processes")]

    def start():
        if refusals:
            raise refusals.pop()
        return fork_warden(make_serve(lambda: own_session({})))

    with closing(Supervisor(start)) as supervisor:
        supervisor.prepare()
        refused = run_supervised(make_step("shop.smoke.ShopTest.test_a"), supervisor)
        waiting.until(lambda: supervisor.prepare() or supervisor._process, what="there is a process")
        result = run_supervised(make_step("shop.smoke.ShopTest.test_a"), supervisor)

    assert (refused.cause, result.cause) == (Cause.NOT_RUN, Cause.IMPORT)


def test_slow_session(tmp_path):
    """What a session takes to open is no test's time, and whoever waits for it is told each second that it goes on."""
    told = tmp_path / "told"

    @contextmanager
    def open_slowly():
        waiting.until(told.exists, what="it is told that this goes on")
        with own_session({}) as execute:
            yield execute

    with closing(Supervisor(lambda: fork_warden(make_serve(open_slowly)))) as supervisor:
        supervisor.prepare(told.touch)
        result = run_supervised(make_step("shop.smoke.ShopTest.test_a", timeout_seconds=0.2), supervisor)

    assert told.exists()
    assert result.cause is Cause.IMPORT


def test_refused_below_eventlet(monkeypatch):
    """Below eventlet a test is not run, and told why."""
    eventlet = ModuleType("eventlet")
    eventlet.patcher = SimpleNamespace(is_monkey_patched=lambda _name: True)
    monkeypatch.setitem(sys.modules, "eventlet", eventlet)

    with supervision.lend_supervisor(()) as supervisor:
        result = run_supervised(make_step("shop.smoke.ShopTest.test_a"), supervisor)

    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.NOT_RUN)
    assert "below eventlet nothing can wait for a process" in result.message


def test_settings_without_a_module(monkeypatch):
    """Settings that have no module can't be given to a new program, and that is told."""
    monkeypatch.setattr(spawned, "settings", UserSettingsHolder(global_settings))

    with pytest.raises(ChildProcessError, match=r"settings\.configure\(\)"):
        spawned.command()


def run_python(source):
    """Run a program of its own and return what it prints."""
    command = [sys.executable, "-c", dedent(source)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def test_program_that_is_set_up_dies_with_its_parent():
    """A warden's program that still sets up the project, however long that takes, dies with whoever started it."""
    source = """
        import os, time
        import django; django.setup()
        from smoketest import spawned
        from smoketest.execution.starting import exec_warden

        os.environ["SMOKETEST_TEST_SETUP_SECONDS"] = "600"
        print(exec_warden(spawned.command())._pid, flush=True)
        time.sleep(600)
    """
    command = [sys.executable, "-c", dedent(source)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        program = int(parent.stdout.readline())

        parent.kill()

        waiting.until(lambda: not is_alive(program), what="the program has died", seconds=20)


def test_fork_where_it_is_safe():
    """A process of one thread may fork; with another thread, or below gevent, it may not."""
    asks = "from smoketest.execution.starting import can_fork\n"

    alone = run_python(f"{asks}print(can_fork())")
    with_thread = run_python(f"{asks}import threading; threading.Timer(1, int).start(); print(can_fork())")
    patched = run_python(f"from gevent import monkey; monkey.patch_all()\n{asks}print(can_fork())")

    assert (alone, with_thread, patched) == ("True", "False", "False")


def test_greenlets_go_on():
    """Below gevent the other greenlets run while a test does."""
    printed = run_python(
        """
        from gevent import monkey; monkey.patch_all()
        import django; django.setup()
        import gevent
        from smoketest.execution.runner import run_supervised
        from smoketest.supervision import lend_supervisor
        from tests.core.making import make_step

        ticks = []
        def tick():
            while True:
                ticks.append(1)
                gevent.sleep(0.01)
        gevent.spawn(tick)
        step = make_step("tests.project.nasty.smoke.DeafTest.test_blocks_all_signals", timeout_seconds=0.3)
        with lend_supervisor(()) as supervisor:
            before = len(ticks)
            result = run_supervised(step, supervisor)
            print(result.cause, len(ticks) - before > 20)
        """
    )

    assert printed.splitlines()[-1] == "timeout True"
