"""A smoke module that hangs on import."""

import io
import sys
import threading
import traceback
from threading import Thread

import pytest
from django.core.management import call_command
from django.db import connections

from smoketest import loading, supervision
from smoketest.execution import native
from smoketest.execution.runner import run_supervised
from smoketest.results import Cause
from tests import waiting
from tests.app.conftest import Caller
from tests.core.making import make_app, make_step
from tests.project.gate import gate


@pytest.fixture
def closed_gate(monkeypatch):
    """The gate is closed, and its module not imported yet."""
    monkeypatch.delitem(sys.modules, "tests.project.gate.smoke", raising=False)
    monkeypatch.setattr("smoketest.loading._loadings", {})
    gate.clear()
    yield gate
    gate.set()


def test_import_hangs_and_recovers(project, operator, closed_gate):
    """The answer comes within the budget and names the module; when it has loaded its tests are taken up."""
    project("shop", "gate", budget=0.5)

    first = operator.report()
    later = [operator.report(app="shop") for _ in range(3)]
    closed_gate.set()
    mended = waiting.until(
        lambda: (report := operator.report(app="gate")) and report["status"] == "PASS" and report,
        what="the module is taken up",
    )

    (result,) = first["results"]
    assert first["status"] == "FAIL"
    assert (result["id"], result["outcome"], result["cause"]) == ("tests.project.gate.smoke", "errored", "import")
    assert "tests.project.gate.smoke hangs on import: smoke modules are still being imported since" in result["message"]
    assert "gate.wait()" in result["traceback"]
    assert [each["results"][0]["id"] for each in later] == ["tests.project.gate.smoke"] * 3
    assert mended["tests_passed"] == 1


@pytest.mark.usefixtures("closed_gate")
def test_one_thread_hangs(project, operator):
    """However often it is asked for meanwhile, one thread hangs in the import."""
    project("gate", budget=0.05)
    operator.report()
    before = hanging_threads()

    reports = [operator.report() for _ in range(5)]

    assert {report["status"] for report in reports} == {"FAIL"}
    assert before == hanging_threads() == 1


@pytest.mark.usefixtures("closed_gate")
def test_hangs_in_a_worker(monkeypatch):
    """A module that hangs on import holds up no process of a pool: its tests are told why they can't be run."""
    monkeypatch.setattr(supervision, "can_fork", lambda: True)
    monkeypatch.setattr(loading, "_IMPORT_SECONDS", 0.2)
    step = make_step("tests.project.gate.smoke.GateTest.test_it")

    with supervision.lend_supervisor((make_app("gate"),)) as supervisor:
        results = [run_supervised(step, supervisor) for _ in range(2)]

    assert {result.cause for result in results} == {Cause.NOT_RUN}
    assert "tests.project.gate.smoke hangs on import" in results[0].message
    assert results[0].message == results[1].message
    assert hanging_threads() == 0
    assert "tests.project.gate.smoke" not in sys.modules


def hanging_threads():
    stacks = ["".join(traceback.format_stack(frame)) for frame in sys._current_frames().values()]
    return sum("gate.wait()" in stack for stack in stacks)


def test_those_who_ask_together_wait_together(project, closed_gate):
    """All who ask while modules are imported get what is found."""
    project("gate", budget=20)
    reports = []
    callers = [
        threading.Thread(target=lambda: reports.append(Caller().report(test="tests.project.gate.smoke.GateTest")))
        for _ in range(3)
    ]
    for caller in callers:
        caller.start()
    closed_gate.set()
    for caller in callers:
        caller.join()

    assert [report["status"] for report in reports] == ["PASS"] * 3


@pytest.mark.needs("mariadb")
def test_connection_that_can_not_be_closed(project, closed_gate, monkeypatch):
    """A module that closes the driver's connection, which then can't be closed again, holds up nobody."""
    project("gate", budget=10 * waiting.LIMIT_SECONDS)
    monkeypatch.setattr(closed_gate, "wait", close_below_django)
    reports = []

    Thread(target=lambda: reports.append(Caller().report()), daemon=True).start()
    waiting.until(lambda: reports, what="what is found")

    assert reports[0]["status"] == "PASS"


def close_below_django():
    connection = connections["mariadb"]
    connection.ensure_connection()
    connection.connection.close()


@pytest.mark.usefixtures("closed_gate")
def test_queued_run(project, operator):
    """A queued run can't be planned meanwhile: 503 with the module's name."""
    project("gate", budget=0.3)

    response = operator.post("/smoketest/slow/")

    assert response.status_code == 503
    assert b"tests.project.gate.smoke hangs on import" in response.content


def test_command(project, closed_gate):
    """The command does not wait for ever either; what is selected can't be known, so that it is FAIL whatever it is."""
    project("shop", "gate", budget=0.3)
    out, rescue = io.StringIO(), threading.Timer(10, closed_gate.set)
    rescue.start()

    with pytest.raises(SystemExit) as exit_:
        call_command("smoketest", app=["shop"], stdout=out)
    rescue.cancel()

    assert exit_.value.code == 1
    assert "tests.project.gate.smoke hangs on import" in out.getvalue()


def test_no_thread_to_be_had(monkeypatch):
    """Where the system has no thread to give for a moment, discovery begins when it is asked for again."""
    apps = (make_app("shop"), make_app("empty"))  # which nobody has asked for before
    monkeypatch.setattr(native, "start_thread", _no_thread)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        loading.discover_within(apps, 5)
    monkeypatch.undo()

    found = loading.discover_within(apps, 5)

    assert found.is_complete


def _no_thread(_main):
    raise RuntimeError("can't start new thread")
