"""What may be ordered of a queued run: one for all who ask, on every host, of one release, with what is new."""

import json
import os
import shutil
import subprocess
from functools import partial

import pytest
from django.test import Client

from tests import waiting
from tests.live.conftest import outcomes_of

pytestmark = [pytest.mark.live, pytest.mark.drill]


@pytest.fixture
def start_worker(start_gated_worker):
    """Start workers of one process, all on one queue."""
    return partial(start_gated_worker, "--concurrency", "1", SMOKETEST_TEST_QUEUE="orders")


@pytest.fixture
def ordered(queued, own_redis):
    """Choose the apps whose tests are ordered."""

    def choose(*apps, **settings):
        queued(own_redis, None, *apps, **{"queue": "orders", **settings})

    return choose


def order(deployer, headers=None, **query):
    """Order a run and return the URL that polls it."""
    return deployer.post("/smoketest/slow/", query_params=query, headers=headers).headers["Location"]


def test_single_flight(ordered, deployer):
    """A second order for the same selection joins the run that is under way; another selection does not."""
    ordered("shop", "nested")

    first, second, other = order(deployer), order(deployer), order(deployer, app="shop")

    assert first == second
    assert first != other


def test_single_flight__new(ordered, deployer):
    """With `new=1` another run is started, and later orders join that one."""
    ordered("shop")

    first, new, later = order(deployer), order(deployer, new="1"), order(deployer)

    assert first != new
    assert later == new


def test_single_flight__other_release(ordered, deployer):
    """A run of another release is another run."""
    ordered("shop")
    first = order(deployer)
    ordered("shop", release="r2")

    assert order(deployer) != first


def test_single_flight__finished(ordered, deployer):
    """A run that has finished is not joined: the next order is for a new one."""
    ordered("shop")
    first = order(deployer)
    deployer.delete(first)

    assert order(deployer) != first


def test_idempotency_key(ordered, deployer):
    """Whoever sends the same key again gets the same run, also when it has finished; another key gets another."""
    ordered("shop")
    first = order(deployer, headers={"idempotency-key": "deploy-1"})
    deployer.delete(first)

    again = order(deployer, headers={"idempotency-key": "deploy-1"})
    other = order(deployer, headers={"idempotency-key": "deploy-2"})

    assert again == first
    assert other != first


def test_idempotency_key__new(ordered, deployer):
    """An order for another run that is sent again is still one order."""
    ordered("shop")

    urls = {order(deployer, headers={"Idempotency-Key": "k1"}, new="1") for _ in range(2)}

    assert len(urls) == 1


def test_idempotency_key__another_order(ordered, deployer):
    """A key that comes with another order, of other tests or for one release alone, names another run."""
    ordered("shop", "nested")
    key = {"idempotency-key": "deploy-1"}

    orders = [{}, {"app": "shop"}, {"only_new": "1"}, {"release": "r1"}]
    urls = {order(deployer, headers=key, **each) for each in orders}

    assert len(urls) == len(orders)


def test_idempotency_key__nothing_was_queued(ordered, deployer, monkeypatch, own_redis):
    """An order that the broker did not take may be sent again with the same key, and starts a run then."""
    ordered("shop")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    refused = deployer.post("/smoketest/slow/", headers={"Idempotency-Key": "k1"})
    monkeypatch.setenv("CELERY_BROKER_URL", own_redis.url)

    answer = deployer.post("/smoketest/slow/", headers={"Idempotency-Key": "k1"})

    assert (refused.status_code, answer.status_code) == (503, 202)
    assert json.loads(answer.content)["status"] == "PENDING"


def test_wanted_release(ordered, deployer):
    """An order for one release is refused by a process of another, and starts nothing there."""
    ordered("shop", release="old")

    refused = deployer.post("/smoketest/slow/", query_params={"release": "new"})
    empty = deployer.post("/smoketest/slow/", query_params={"release": ""})
    nothing = json.loads(deployer.get("/smoketest/runs/").content)["runs"]
    taken = deployer.post("/smoketest/slow/", query_params={"release": "old"})

    problem = json.loads(refused.content)
    assert (refused.status_code, problem["title"]) == (409, "Wrong Release")
    assert problem["detail"] == "this is release old, not new"
    assert (empty.status_code, nothing, taken.status_code) == (400, [], 202)


def test_wanted_release__public(ordered):
    """Strangers are not told the release."""
    ordered("shop", release="old", public=True)

    refused = Client().post("/smoketest/slow/", query_params={"release": "new"})

    assert refused.status_code == 409
    assert refused.content.decode() == "Wrong Release: this is another release, not new\n"


@pytest.mark.parametrize("query", ["new=yes", "hosts=some", "hosts=", "after=-1", "after=x", "after=1e3"])
def test_bad_word(ordered, deployer, query):
    """A word that is not known is a 400 that names it, and starts nothing."""
    ordered("shop")
    url = "/smoketest/runs/nothing/" if query.startswith("after") else "/smoketest/slow/"

    response = deployer.get(f"{url}?{query}")

    assert response.status_code == 400
    assert query in json.loads(response.content)["detail"]


def test_after(ordered, deployer, start_worker, gate):
    """`after` gives what is new while the run goes on, and where to go on from."""
    ordered("gated")
    start_worker()
    url = order(deployer)
    gate.wait_for(1)
    gate.open("test_a", "test_b")
    gate.wait_for(3)

    def new(after):
        return json.loads(deployer.get(url, query_params={"after": after}).content)

    waiting.until(lambda: new(0)["next_after"] == 2, what="both are recorded, which a quick test may wait for a moment")
    everything, rest, nothing = map(new, range(3))

    assert list(outcomes_of(everything)) == ["GatedTest.test_a", "GatedTest.test_b"]
    assert list(outcomes_of(rest)) == ["GatedTest.test_b"]
    assert "results" not in nothing
    assert [each["next_after"] for each in (everything, rest, nothing)] == [2, 2, 2]


def test_release__old_worker(ordered, deployer, start_worker):
    """A worker of another release leaves the run alone, and in the end the report says so."""
    ordered("shop", start_timeout=1)
    start_worker(SMOKETEST_TEST_RELEASE="r0")

    report = deployer.run(k="TillTest")

    assert {each["cause"] for each in report["results"]} == {"lost"}
    message = report["results"][0]["message"]
    assert "runs release r0, this run is for r1" in message
    assert "none of this release" in message


def test_release__right_worker_comes(ordered, deployer, start_worker):
    """What a worker of another release leaves alone is run by one of the right release, old ones beside it or not."""
    ordered("shop")
    old = start_worker(SMOKETEST_TEST_RELEASE="r0")
    url = deployer.start(k="TillTest")
    waiting.until(lambda: "left alone" in old.output(), what="the old worker has taken the message")

    start_worker()
    report = deployer.final(url)

    assert {outcome for outcome, _ in outcomes_of(report).values()} == {"passed"}


def can_have_hosts():
    """Tell whether hosts of their own names can be made here."""
    command = [shutil.which("unshare") or "false", "--uts", "hostname", "smoketest"]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


has_hosts = pytest.mark.skipif(
    not can_have_hosts() and not os.environ.get("CI"), reason="a process of its own host name needs root"
)


@has_hosts
def test_every_host(ordered, deployer, start_worker):
    """With `hosts=all` each test runs on every live host, and its id tells where."""
    ordered("shop")
    start_worker(host="web1")
    start_worker(host="web2")
    waiting.until(lambda: hosts_of(deployer) == {"web1", "web2"}, what="both hosts are known")

    report = deployer.run(k="TillTest", hosts="all")

    assert outcomes_of(report) == {
        f"TillTest.{name}@{host}": ("passed", None)
        for name in ("test_adds_up", "test_prints")
        for host in ("web1", "web2")
    }
    assert {(each["id"].partition("@")[2], each["host"]) for each in report["results"]} == {
        ("web1", "web1"),
        ("web2", "web2"),
    }


@has_hosts
def test_every_host__one_gone(ordered, deployer, start_worker):
    """A host that was there a moment ago and is gone is an errored row of its own."""
    ordered("shop")
    start_worker(host="web1")
    victim = start_worker(host="web2")
    waiting.until(lambda: hosts_of(deployer) == {"web1", "web2"}, what="both hosts are known")
    victim.process.kill()
    waiting.until(lambda: hosts_of(deployer) == {"web1"}, what="the lease of web2 has run out")

    report = deployer.run(k="TillTest", hosts="all")

    assert outcomes_of(report)["worker@web2"] == ("errored", "lost")
    assert report["tests_passed"] == 2


@has_hosts
def test_every_host__one_stops(ordered, deployer, start_worker, gate):
    """So is a host whose only worker is being shut down, and takes nothing new."""
    ordered("gated", "shop", timeout=30)
    start_worker(host="web1")
    ending = start_worker(host="web2")
    waiting.until(lambda: hosts_of(deployer) == {"web1", "web2"}, what="both hosts are known")
    deployer.start(hosts="all", k="test_a")
    gate.wait_for(2)
    ending.process.terminate()
    waiting.until(lambda: hosts_of(deployer) == {"web1"}, what="web2 has told that it stops")

    url = deployer.start(k="TillTest", hosts="all")
    gate.open()
    report = deployer.final(url)

    assert outcomes_of(report)["worker@web2"] == ("errored", "lost")
    assert report["tests_passed"] == 2


def hosts_of(deployer):
    """Return the hosts on which tests would run now."""
    response = deployer.post("/smoketest/slow/", query_params={"k": "test_adds_up", "hosts": "all", "new": "1"})
    if response.status_code == 503:
        return set()
    url = response.headers["Location"]
    plan = json.loads(deployer.delete(url).content)["results"]
    return {each["id"].partition("@")[2] for each in plan if not each["id"].startswith("worker@")}


def test_every_host__none(ordered, deployer):
    """Without any worker there is no host, which is 503 and no green run of nothing."""
    ordered("shop")

    response = deployer.post("/smoketest/slow/", query_params={"hosts": "all"})

    assert response.status_code == 503
    assert "no worker is alive" in json.loads(response.content)["detail"]
