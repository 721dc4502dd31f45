"""Everything around a queued run dies: it ends all the same, in bounded time and with the truth."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from celery import current_app

from smoketest import tasks
from smoketest.queue.termination import TOGETHER_SECONDS
from tests import waiting
from tests.clocks import environment_of_clock
from tests.live.conftest import outcomes_of
from tests.servers import ROOT, send_signal

pytestmark = [pytest.mark.live, pytest.mark.drill]

ALL_PASSED = {f"GatedTest.test_{letter}": ("passed", None) for letter in "abcdef"}


@pytest.fixture
def start_worker(start_gated_worker):
    """Start workers, all on one queue: `start_worker("--concurrency", "1")`."""
    return partial(start_gated_worker, SMOKETEST_TEST_QUEUE="chaos")


@pytest.fixture
def run_gated(queued, own_redis, deployer):
    """Start the run of the gated tests and return its URL."""

    def start(**settings):
        queued(own_redis, None, "gated", **{"start_timeout": 60, "timeout": 60, "queue": "chaos", **settings})
        return deployer.start()

    return start


def unfortunate(report, cause):
    """Return the short ids of the results with a cause."""
    return [name for name, (_, its_cause) in outcomes_of(report).items() if its_cause == cause]


def test_pool_process_killed(start_worker, run_gated, gate, deployer):
    """A process of the pool is killed: its test is lost at once, and the rest is run by others."""
    start_worker()
    url = run_gated()
    gate.wait_for(2)

    os.kill(gate.processes()[0][1], signal.SIGKILL)
    waiting.until(lambda: json.loads(deployer.get(url).content)["tests_errored"], what="the test is lost")
    gate.open()
    report = deployer.final(url)

    assert unfortunate(report, "lost") == [f"GatedTest.{gate.begun()[0]}"]
    assert report["tests_passed"] == 5
    assert sorted(gate.begun()) == sorted(set(gate.begun()))


def test_pool_process_killed__hand(start_worker, queued, own_redis, gate, deployer):
    """Of the tests that a process has taken together it loses, soon after a slower one began, just that one."""
    start_worker("--concurrency", "1")
    queued(own_redis, None, "hand", start_timeout=60, timeout=60, queue="chaos")
    url = deployer.start()
    gate.wait_for(1)
    waiting.until(
        lambda: json.loads(deployer.get(url).content)["tests_passed"] == 9, what="those before are told", seconds=0.6
    )

    os.kill(gate.processes()[0][1], signal.SIGKILL)
    report = deployer.final(url)

    assert unfortunate(report, "lost") == ["BWaitingTest.test_waits"]
    assert report["tests_passed"] == 14


def test_runner_killed(start_worker, run_gated, gate, deployer):
    """A runner is killed, by the kernel's memory killer say: its test has crashed, with the signal."""
    start_worker()
    url = run_gated()
    gate.wait_for(2)

    os.kill(gate.processes()[0][0], signal.SIGKILL)
    gate.open()
    report = deployer.final(url)

    assert unfortunate(report, "crash") == [f"GatedTest.{gate.begun()[0]}"]
    assert report["tests_passed"] == 5


def test_worker_killed__another_lives(start_worker, run_gated, gate, deployer):
    """A whole worker is killed: what it ran is lost within seconds, the other worker runs the rest."""
    victim = start_worker()
    url = run_gated()
    gate.wait_for(2)
    start_worker()

    os.kill(victim.process.pid, signal.SIGKILL)
    waiting.until(lambda: json.loads(deployer.get(url).content)["tests_errored"] == 2, what="both are lost")
    gate.open()
    report = deployer.final(url)

    assert sorted(unfortunate(report, "lost")) == sorted(f"GatedTest.{name}" for name in gate.begun()[:2])
    assert report["tests_passed"] == 4


def test_all_workers_killed(start_worker, run_gated, gate, deployer):
    """All workers are killed: what ran is lost when its limit is over, and the rest when nobody has come."""
    worker = start_worker()
    url = run_gated(start_timeout=4, timeout=4)
    gate.wait_for(2)

    os.kill(worker.process.pid, signal.SIGKILL)
    report = deployer.final(url)

    assert len(unfortunate(report, "lost")) == 6
    assert "no worker of the queue chaos is alive" in report["results"][-1]["message"]


def handed_over(old, gate):
    """Let the tests end that a worker runs which is being shut down, and return all that had begun when it ended."""
    gate.open(*gate.begun()[:2])
    waiting.until(lambda: old.process.poll() is not None, what="the old worker has ended")
    return gate.begun()


def report_of_successor(old, gate, deployer, url):
    """Return the report of a run that a worker which is being shut down hands over to one that is there already."""
    handed_over(old, gate)
    gate.open()
    return deployer.final(url)


def test_worker_stopped__another_lives(start_worker, run_gated, gate, deployer):
    """A worker is shut down as on each deploy: it ends after the test that runs, and its successor runs the rest."""
    old = start_worker()
    url = run_gated()
    gate.wait_for(2)

    old.process.send_signal(signal.SIGTERM)
    waiting.until(lambda: "Warm shutdown" in old.output(), what="the shutdown begins")
    start_worker()
    report = report_of_successor(old, gate, deployer, url)

    assert outcomes_of(report) == ALL_PASSED
    assert sorted(gate.begun()) == [f"test_{letter}" for letter in "abcdef"]


def test_worker_stopped__in_a_class(start_worker, queued, own_redis, gate, deployer):
    """A worker that is shut down amid a class tears down what it has set up; its successor sets up its own."""
    old = start_worker()
    queued(own_redis, None, "gated_class", start_timeout=60, timeout=60, queue="chaos")
    url = deployer.start()
    gate.wait_for(2)

    old.process.send_signal(signal.SIGTERM)
    waiting.until(lambda: "Warm shutdown" in old.output(), what="the shutdown begins")
    gate.open("test_a")
    waiting.until(lambda: old.process.poll() is not None, what="the old worker has ended")
    begun_by_old = gate.begun()
    start_worker()
    gate.open()
    report = deployer.final(url)

    assert begun_by_old == ["setUpClass", "test_a", "tearDownClass"]
    assert gate.begun()[3:] == ["setUpClass", "test_b", "tearDownClass"]
    assert {outcome for outcome, _ in outcomes_of(report).values()} == {"passed"}


def test_slow_to_come_up(start_worker, run_gated, gate, deployer):
    """A runner whose project takes longer to set up than all limits: nothing is lost while its supervisor waits."""
    start_worker("--pool", "threads", "--concurrency", "2", SMOKETEST_TEST_SETUP_SECONDS="4")
    gate.open()
    url = run_gated(start_timeout=1, timeout=5)

    assert outcomes_of(deployer.final(url, seconds=60)) == ALL_PASSED


def test_worker_cannot_run_it(start_worker, run_gated, deployer):
    """A worker whose settings are broken raises whenever it takes the run: that ends soon, and tells why."""
    start_worker(SMOKETEST_TEST_REPORTER_FILTER="nowhere.Filter")
    url = run_gated(start_timeout=4)

    report = deployer.final(url)

    assert len(unfortunate(report, "lost")) == 6
    assert "could not run it: ModuleNotFoundError" in report["results"][0]["message"]


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_all_of_a_worker_stopped(start_worker, run_gated, gate, deployer, pool):
    """Every process of a worker is told to end, as systemd does by default: it hands over all the same."""
    old = start_worker("--pool", pool, "--concurrency", "2")
    url = run_gated()
    gate.wait_for(2)

    send_signal(signal.SIGTERM, reversed(old.processes()))
    waiting.until(lambda: "Warm shutdown" in old.output(), what="the shutdown begins")
    start_worker()
    report = report_of_successor(old, gate, deployer, url)

    assert outcomes_of(report) == ALL_PASSED
    assert sorted(gate.begun()) == [f"test_{letter}" for letter in "abcdef"]


def test_all_of_a_worker_stopped_twice(start_worker, run_gated, gate, deployer):
    """Every process of a worker is told to end, and told again: it hands over all the same."""
    old = start_worker()
    url = run_gated()
    gate.wait_for(2)

    send_signal(signal.SIGTERM, reversed(old.processes()))
    again = time.monotonic() + 2 * TOGETHER_SECONDS
    waiting.until(lambda: time.monotonic() > again, what="the first signal is long past")
    send_signal(signal.SIGTERM, reversed(old.processes()))
    waiting.until(lambda: old.output().count("Warm shutdown") == 2, what="both are heard")
    start_worker()
    report = report_of_successor(old, gate, deployer, url)

    assert outcomes_of(report) == ALL_PASSED
    assert sorted(gate.begun()) == [f"test_{letter}" for letter in "abcdef"]


def test_worker_stopped_cold(start_worker, run_gated, gate, deployer):
    """A worker is told to quit: what it ran is lost at once, and its successor runs the rest."""
    old = start_worker()
    url = run_gated()
    gate.wait_for(2)

    old.process.send_signal(signal.SIGQUIT)
    waiting.until(lambda: old.process.poll() is not None, what="the old worker has ended")
    start_worker()
    gate.open()
    report = deployer.final(url)

    assert sorted(unfortunate(report, "lost")) == sorted(f"GatedTest.{name}" for name in gate.begun()[:2])
    assert report["tests_passed"] == 4


def test_worker_stopped_softly(start_worker, run_gated, gate, deployer):
    """A worker that is told to quit and given some time before it must hands over in that time."""
    old = start_worker(SMOKETEST_TEST_SOFT_SHUTDOWN_SECONDS="4")
    url = run_gated()
    gate.wait_for(2)

    old.process.send_signal(signal.SIGQUIT)
    waiting.until(lambda: "Initiating Soft Shutdown" in old.output(), what="the shutdown begins")
    begun = handed_over(old, gate)
    start_worker()
    gate.open()
    report = deployer.final(url)

    assert len(begun) == 2
    assert outcomes_of(report) == ALL_PASSED


def test_worker_stopped_by_remote_control(start_worker, run_gated, gate, deployer):
    """A worker that is told to end through the broker hands over as one that gets the signal."""
    old = start_worker()
    url = run_gated()
    gate.wait_for(2)

    with current_app.connection_for_write() as connection:
        current_app.control.shutdown(connection=connection)
    waiting.until(lambda: "Got shutdown" in old.output(), what="the shutdown begins")
    begun = handed_over(old, gate)
    start_worker()
    gate.open()
    report = deployer.final(url)

    assert len(begun) == 2
    assert outcomes_of(report) == ALL_PASSED


def test_redis_killed__back_empty(start_worker, run_gated, gate, own_redis, deployer):
    """Redis is killed and comes back empty: 503 while it is away, then the run is gone for good, and new ones run."""
    start_worker()
    url = run_gated()
    gate.wait_for(2)

    own_redis.kill()
    away = deployer.get(url).status_code
    own_redis.start()
    back = deployer.get(url).status_code
    gate.open()

    assert (away, back) == (503, 410)
    assert outcomes_of(deployer.run()) == ALL_PASSED


@pytest.mark.parametrize("own_redis", [("--appendonly", "yes", "--appendfsync", "always")], indirect=True)
def test_redis_killed__back_with_its_data(start_worker, run_gated, gate, own_redis, deployer):
    """Redis is killed and comes back with its data: nothing is lost and nothing runs twice."""
    start_worker()
    url = run_gated()
    gate.wait_for(2)

    own_redis.kill()
    gate.open(*gate.begun())
    own_redis.start()
    gate.open()
    report = deployer.final(url)

    assert outcomes_of(report) == ALL_PASSED
    assert sorted(gate.begun()) == [f"test_{letter}" for letter in "abcdef"]


@pytest.mark.parametrize("own_redis", [("--appendonly", "yes", "--appendfsync", "always")], indirect=True)
def test_redis_killed__longer_than_all_limits(start_worker, run_gated, gate, own_redis, deployer):
    """Redis comes back when all times have run out: what has ended is told, and the rest is not given up."""
    start_worker()
    url = run_gated(timeout=2, start_timeout=4)
    gate.wait_for(2)

    own_redis.kill()
    gate.open()
    until = time.monotonic() + 10
    waiting.until(lambda: time.monotonic() > until, what="10 s have passed")
    own_redis.start()
    report = deployer.final(url)

    assert outcomes_of(report) == ALL_PASSED
    assert sorted(gate.begun()) == [f"test_{letter}" for letter in "abcdef"]


def test_redis_frozen__longer_than_a_limit(start_worker, run_gated, gate, own_redis, deployer):
    """Redis is frozen for longer than a test may take, and its worker waits to tell: nobody gives it up first."""
    start_worker()
    url = run_gated(timeout=2)
    gate.wait_for(2)

    with own_redis.frozen():
        until = time.monotonic() + 10
        gate.open()
        answers = {deployer.get(url).status_code}
        waiting.until(lambda: time.monotonic() > until, what="10 s have passed")
    report = deployer.final(url)

    assert answers == {503}
    assert outcomes_of(report) == ALL_PASSED


def test_redis_frozen(start_worker, run_gated, gate, own_redis, deployer):
    """Redis is frozen for 10 s: 503 meanwhile, and then everybody goes on where they were."""
    start_worker()
    start_worker()
    url = run_gated()
    gate.wait_for(2)

    with own_redis.frozen():
        until = time.monotonic() + 10
        answers = {deployer.get(url).status_code}
        gate.open(gate.begun()[0])
        waiting.until(lambda: time.monotonic() > until, what="10 s have passed")
    gate.open()
    report = deployer.final(url)

    assert answers == {503}
    assert outcomes_of(report) == ALL_PASSED


def test_redis_frozen__limits_are_kept(start_worker, run_gated, gate, own_redis, deployer):
    """A test's limit is kept without Redis: what hangs is ended while that is frozen, and told of afterwards."""
    start_worker()
    url = run_gated(timeout=1)
    gate.wait_for(2)
    runners = [runner for runner, _ in gate.processes()]

    with own_redis.frozen():
        waiting.until(lambda: not any(map(lives, runners)), what="the runners have ended")
    gate.open()
    report = deployer.final(url)

    assert sorted(unfortunate(report, "timeout")) == sorted(f"GatedTest.{name}" for name in gate.begun()[:2])
    assert report["tests_passed"] == 4


def test_broker_flushed(start_worker, run_gated, gate, own_redis, deployer):
    """The broker has lost the messages of a run: a worker that sees nobody at work sends as many as there were."""
    url = run_gated()
    own_redis.client.delete("chaos")

    start_worker()
    gate.wait_for(2)
    gate.open()
    report = deployer.final(url)

    assert outcomes_of(report) == ALL_PASSED


def test_busy_worker_has_fetched_it(start_worker, queued, own_redis, gate, deployer):
    """A worker that is busy has fetched the message, and sends it again to itself: then others hear of the run too."""
    settings = {"start_timeout": 60, "timeout": 60, "queue": "chaos", "parallel": 1}
    queued(own_redis, None, "gated", **settings)
    start_worker("--concurrency", "1")
    first = deployer.start(test="tests.project.gated.smoke.GatedTest.test_a")
    gate.wait_for(1)
    url = deployer.start(test="tests.project.gated.smoke.GatedTest.test_b")
    gate.open("test_b")
    waiting.until(lambda: not own_redis.client.llen("chaos"), what="the busy worker has fetched the message")

    start_worker("--concurrency", "1")
    report = deployer.final(url)
    is_busy_still = not json.loads(deployer.get(first).content)["tests_run"]
    gate.open()

    assert outcomes_of(report) == {"GatedTest.test_b": ("passed", None)}
    assert is_busy_still


def test_results_flushed(start_worker, run_gated, gate, own_redis, deployer):
    """Redis has lost the run: it is gone, and the worker goes on."""
    start_worker()
    url = run_gated()
    gate.wait_for(2)

    own_redis.client.flushall()
    status = deployer.get(url).status_code
    gate.open()

    assert status == 410
    assert outcomes_of(deployer.run()) == ALL_PASSED


def test_part_of_the_results_flushed(start_worker, run_gated, gate, own_redis, deployer):
    """Redis has lost a part of the run: what is missing is lost as soon as nobody is at work, never green."""
    start_worker()
    url = run_gated()
    gate.wait_for(2)

    own_redis.client.delete(*own_redis.client.keys("*:todo"))
    gate.open()
    report = deployer.final(url)

    assert (report["status"], report["tests_passed"]) == ("FAIL", 2)
    assert len(unfortunate(report, "lost")) == 4


@pytest.mark.parametrize("moment", ["before it is published", "after it is published"])
def test_web_process_killed(start_worker, run_gated, gate, own_redis, deployer, moment):
    """The web process dies before it has answered: the run goes on, and whoever asks again joins it."""
    start_worker()
    run_gated()
    gate.open()
    script = DIES_BEFORE_IT_ANSWERS.format(dies_after=moment.startswith("after"))
    environment = {
        **os.environ,
        "SMOKETEST_TEST_REDIS_URL": own_redis.url,
        "SMOKETEST_TEST_QUEUE": "chaos",
        "SMOKETEST_TEST_APPS": "gated",
    }
    waiting.until(lambda: len(statuses(deployer)) == 1 and statuses(deployer)[0] == "PASS", what="the first run ends")

    web = subprocess.run([sys.executable, "-c", script], env=environment, cwd=ROOT, check=False)
    waiting.until(lambda: len(statuses(deployer)) == 2, what="the run is there")
    waiting.until(lambda: statuses(deployer)[0] == "PASS", what="the run ends")

    assert web.returncode == -signal.SIGKILL


DIES_BEFORE_IT_ANSWERS = """
import os, signal
import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.project.settings"
django.setup()

from django.test import Client
from smoketest.queue import launch

publish = launch.publish

def and_die(*args, **kwargs):
    if {dies_after}:
        publish(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)

launch.publish = and_die
import tests.project.celery
Client(headers={{"authorization": "Bearer new-token"}}).post("/smoketest/slow/?new=1")
"""


def statuses(deployer):
    """Return the statuses of the recent runs, newest first."""
    return [run["status"] for run in json.loads(deployer.get("/smoketest/runs/").content)["runs"]]


def deliver(url, *queues):
    """Send one message of a run to each of the queues."""
    with current_app.connection_for_write() as connection:
        for queue in queues:
            tasks.run_shard.apply_async((url.split("/")[-2],), task_id="twice", queue=queue, connection=connection)


def test_delivered_twice(start_worker, run_gated, gate, deployer):
    """A message is delivered to two workers at once: each test runs once, and none is given up."""
    queues = ("one", "other")  # of one queue a worker might fetch both messages
    for queue in queues:
        start_worker("--concurrency", "1", SMOKETEST_TEST_QUEUE=queue)
    url = run_gated(queue="nobody")

    deliver(url, *queues)
    gate.wait_for(2)
    gate.open()
    report = deployer.final(url)

    assert outcomes_of(report) == ALL_PASSED
    assert sorted(gate.begun()) == [f"test_{letter}" for letter in "abcdef"]
    assert len({pool for _, pool in gate.processes()}) == 2


def test_delivered_twice__threads(start_worker, run_gated, gate, deployer):
    """A message is delivered twice to a process that works on both at once: each test runs once."""
    start_worker("--pool", "threads", "--concurrency", "2")
    url = run_gated(queue="nobody")

    deliver(url, "chaos", "chaos")
    gate.wait_for(2)
    gate.open()
    report = deployer.final(url)

    assert outcomes_of(report) == ALL_PASSED
    assert sorted(gate.begun()) == [f"test_{letter}" for letter in "abcdef"]


def test_clocks_differ(start_worker, run_gated, gate, deployer, tmp_path):
    """A worker whose clock is an hour ahead changes nothing: the only clock is Redis'."""
    worker = start_worker(**environment_of_clock(3600, tmp_path))
    start_worker()
    url = run_gated()
    gate.wait_for(2)
    gate.open()
    report = deployer.final(url)

    seen = re.findall(r"^\[(\S+ \S+),", worker.output(), re.MULTILINE)[-1]
    # Django has set this process' local time to the project's, which is the worker's too.
    soon = datetime.now() + timedelta(minutes=30)  # noqa: DTZ005
    assert datetime.fromisoformat(seen) > soon
    assert outcomes_of(report) == ALL_PASSED
    assert datetime.fromisoformat(report["finished_at"]) < soon.astimezone(UTC)
    assert all(0 <= each["waited_ms"] < 60_000 for each in report["results"])


def test_cancelled(start_worker, run_gated, gate, deployer):
    """A cancel ends the tests that run, in the processes of the workers too."""
    start_worker()
    url = run_gated()
    gate.wait_for(2)
    runners = [runner for runner, _ in gate.processes()]

    report = json.loads(deployer.delete(url).content)
    waiting.until(lambda: not any(map(lives, runners)), what="the runners have ended")

    assert report["status"] == "CANCELLED"
    assert {each["cause"] for each in report["results"]} == {"not_run"}
    assert len(gate.begun()) == 2


def test_cancelled__after_a_freeze(start_worker, run_gated, gate, own_redis, deployer):
    """A cancel ends the tests that run also when Redis has stood still meanwhile."""
    start_worker()
    url = run_gated()
    gate.wait_for(2)
    runners = [runner for runner, _ in gate.processes()]

    with own_redis.frozen():
        until = time.monotonic() + 2.5
        waiting.until(lambda: time.monotonic() > until, what="each has looked in vain")
    report = json.loads(deployer.delete(url).content)
    waiting.until(lambda: not any(map(lives, runners)), what="the runners have ended", seconds=10)

    assert report["status"] == "CANCELLED"


def lives(pid):
    """Tell whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
