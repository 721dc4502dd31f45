"""The processes of a command."""

import os
import signal
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from smoketest.execution import crew
from smoketest.results import Cause, Outcome, Result
from tests import waiting
from tests.core.making import make_step

_born_with = []
"""The signals that come to a process of this one as soon as it is forked."""
_TESTS = os.getpid()


def _be_signalled():
    for number in _born_with if os.getppid() == _TESTS else ():
        os.kill(os.getpid(), number)


os.register_at_fork(after_in_child=_be_signalled)


@pytest.fixture
def _ctrl_c_by_sigterm():
    """SIGTERM raises KeyboardInterrupt, as in the command."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    yield
    _born_with.clear()
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("_ctrl_c_by_sigterm")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ended_at_birth(capfd, number):
    """A process that is ended before it has begun to work ends at once, and does not go on as its parent would."""
    _born_with.append(number)
    hand = crew._Hand(lambda: None)
    hand.end()

    assert hand._process.exitcode == -number
    assert capfd.readouterr().err == ""


def test_no_process_to_be_had(monkeypatch):
    """Where the system has no process to replace one that died, the caller is told that, and what there is ends."""

    def refuse():
        raise BlockingIOError

    def look(running):
        if running:
            monkeypatch.setattr(os, "fork", refuse)
        return True

    def execute(step):
        if step.id == "kills":
            os.kill(_parent(os.getppid()), signal.SIGKILL)
        return Result(id=step.id, outcome=Outcome.PASSED)

    unit = [make_step("first"), make_step("kills")]
    with pytest.raises(BlockingIOError), closing(crew.Crew(lambda: nullcontext(execute), 1)) as processes:
        list(processes.run([unit], look=look))


def _parent(process):
    """Return the parent of a process."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def _is_there(process):
    """Tell whether a process is there."""
    return Path(f"/proc/{process}").exists()


def test_supervising_process_is_stopped(tmp_path, monkeypatch):
    """One that does not answer any more is killed with all below it; the step is lost, and the rest goes on."""
    monkeypatch.setattr(crew, "_SPARE_SECONDS", 2.0)

    def execute(step):
        if step.id == "stops":
            family = os.getpid(), os.getppid(), _parent(os.getppid())
            (tmp_path / "family").write_text(" ".join(map(str, family)))
            os.kill(family[-1], signal.SIGSTOP)
        return Result(id=step.id, outcome=Outcome.PASSED)

    steps = [make_step("stops", timeout_seconds=1.0), make_step("next"), make_step("last")]
    with closing(crew.Crew(lambda: nullcontext(execute), 1)) as processes:
        lost, *rest = processes.run([steps[:2], steps[2:]], look=lambda _: True)

        family = (tmp_path / "family").read_text().split()
        waiting.until(lambda: not any(map(_is_there, family)), what="nothing of it is left")

    assert (lost.id, lost.outcome, lost.cause) == ("stops", Outcome.ERRORED, Cause.LOST)
    assert lost.message == "the process that supervised it did not answer within 3 s and was killed"
    assert [(result.id, result.outcome) for result in rest] == [("next", Outcome.PASSED), ("last", Outcome.PASSED)]
