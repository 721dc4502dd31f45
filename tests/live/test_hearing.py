"""What queued runs tell the project, and what becomes of a receiver that is ill, with real workers."""

import json
import signal
import threading
from contextlib import ExitStack

import pytest

from tests import waiting
from tests.live.conftest import outcomes_of
from tests.project.hearing import apps as hearing
from tests.servers import Worker, send_signal

pytestmark = pytest.mark.live


class Ear:
    """The folder where the processes of the project write down what they hear."""

    def __init__(self, folder):
        self.folder = folder

    def lines(self):
        """Return what was heard, split into words."""
        file = self.folder / "heard"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    def verdicts(self):
        """Return what was heard of runs that have ended."""
        return [words[0] for words in self.lines() if words[0] in ("PASS", "FAIL", "CANCELLED")]

    def wait_for_verdict(self):
        """Wait until the end of a run was heard of."""
        waiting.until(self.verdicts, what="the end of the run is told")

    def spans(self):
        """Return the spans that were exported, once there are any."""
        file = self.folder / "spans"
        lines = waiting.until(lambda: file.exists() and file.read_text().splitlines(), what="a span is exported")
        return [json.loads(line) for line in lines]


@pytest.fixture
def ear(tmp_path):
    """An ear of the test's own."""
    return Ear(tmp_path)


@pytest.fixture
def start(own_redis, queued, ear, monkeypatch):
    """Start workers that hear, as this process does: `start("shop", receiver="hangs")` chooses the tests too."""
    hearing.connect()
    with ExitStack() as stack:
        stack.callback(hearing.disconnect)

        def start(*apps, receiver="", workers=1):
            monkeypatch.setenv("SMOKETEST_TEST_HEARD", str(ear.folder))
            monkeypatch.setenv("SMOKETEST_TEST_RECEIVER", receiver)
            environment = {"SMOKETEST_TEST_QUEUE": "hearing", "SMOKETEST_TEST_WAITS": str(ear.folder)}
            started = [Worker(own_redis.url, **environment) for _ in range(workers)]
            _ = [(worker.start(), stack.callback(worker.stop)) for worker in started]
            queued(own_redis, started[0], *apps)
            return started

        yield start
        (ear.folder / "go-on").touch()
        waiting.until(lambda: "smoketest-signals" not in {each.name for each in threading.enumerate()}, what="they end")


def test_heard_once(start, deployer, ear):
    """Two workers and a web process see the run; its begin, its end and each test are told once."""
    start("shop", "outcomes", workers=2)

    report = deployer.run()
    ear.wait_for_verdict()

    words = [line[0] for line in ear.lines()]
    heard = sorted(line[2] for line in ear.lines() if line[0].islower())
    assert heard == sorted(each["id"] for each in report["results"])
    assert (words.count("RUNNING"), words.count("FAIL")) == (1, 1)
    assert {line[1] for line in ear.lines()} == {report["run_id"]}
    assert [line[2] for line in ear.lines() if line[0] == "FAIL"] == [str(report["tests_total"])]


def test_heard_unobserved(start, deployer, ear):
    """A run that nobody looks at is told of all the same."""
    start("together")

    deployer.start()
    ear.wait_for_verdict()

    assert ear.verdicts() == ["PASS"]


def test_heard_cancelled(start, deployer, ear):
    """The end of a run that is cancelled is told."""
    start("waits")

    deployer.delete(deployer.start(k="GateTest"))
    ear.wait_for_verdict()

    assert ear.verdicts() == ["CANCELLED"]


def test_heard_after_death(start, deployer, ear):
    """The end of a run whose worker was killed is told by the next, though nobody looks at the run."""
    (worker,) = start("waits")
    deployer.start(k="GateTest")
    waiting.until((ear.folder / "arrivals").exists, what="the test has begun")
    send_signal(signal.SIGKILL, worker.processes())

    start("waits")
    ear.wait_for_verdict()

    assert ear.verdicts() == ["FAIL"]


@pytest.mark.parametrize("receiver", ["raises", "hangs"])
def test_ill_receiver(start, deployer, ear, receiver):
    """A receiver that raises or hangs changes no result, loses none, and holds up nobody for long."""
    start("together", receiver=receiver)

    report = deployer.run()

    assert report["status"] == "PASS"
    assert set(outcomes_of(report).values()) == {("passed", None)}
    assert ear.lines()


def test_spans(start, deployer, ear):
    """Each test has a span, one that was killed too, with the run's id and a time of its own."""
    start("hostile")

    report = deployer.run(k="test_segfault")

    (span,) = ear.spans()
    assert span["attributes"] == {
        "smoketest.test.id": report["errored_tests"][0],
        "smoketest.test.outcome": "errored",
        "smoketest.test.cause": "crash",
        "smoketest.run.id": report["run_id"],
        "smoketest.release": "r1",
    }
    assert span["status"]["status_code"] == "ERROR"
    assert span["start_time"] <= span["end_time"]
    assert span["parent_id"] is None
