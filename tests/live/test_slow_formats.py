"""Queued runs in every format, and as Prometheus sees them."""

import json

import pytest
from django.test import Client
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from smoketest.report import formats
from tests.live.conftest import Deployer
from tests.published import check

pytestmark = pytest.mark.live


@pytest.fixture
def waiting_run(queued, own_redis):
    """The address of a run that no worker takes."""
    queued(own_redis, None, "shop")
    return Deployer().start()


@pytest.fixture
def finished_run(queued, redis_server, worker):
    """The address of a run that has finished."""
    queued(redis_server, worker, "shop")
    url = Deployer().start()
    Deployer().final(url)
    return url


def scrape(client):
    """Return (name, labels) -> value, as Prometheus reads it."""
    families = text_string_to_metric_families(client.get("/smoketest/metrics/").content.decode())
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


@pytest.mark.parametrize("name", formats.FORMATS)
def test_slow_formats__finished(finished_run, deployer, name):
    """A finished run is shown in each format, with an ETag of its own, and its HEAD has the same headers."""
    other = "json" if name == "text" else "text"

    response = deployer.get(finished_run, {"format": name})
    head = deployer.head(finished_run, {"format": name})

    assert response.status_code == head.status_code == 500
    assert b"test_foomodel_reads" in response.content
    assert response.headers["ETag"] == head.headers["ETag"]
    assert response.headers["ETag"] != deployer.get(finished_run, {"format": other}).headers["ETag"]
    unchanged = deployer.get(finished_run, {"format": name}, headers={"if-none-match": response.headers["ETag"]})
    assert unchanged.status_code == 304


@pytest.mark.parametrize("name", formats.FORMATS)
def test_slow_formats__waiting(waiting_run, deployer, name):
    """A run that goes on is shown in each format, and never as if all were well."""
    response = deployer.get(waiting_run, {"format": name})

    content = response.content.decode()
    assert response.status_code == 202
    assert response.headers["Retry-After"]
    assert "PASS" not in content
    assert '"status": "pass"' not in content
    assert "\nok 1" not in content


@pytest.mark.usefixtures("finished_run")
@pytest.mark.parametrize("name", formats.FORMATS)
def test_slow_formats__list(deployer, name):
    """The recent runs are listed in each format."""
    response = deployer.get("/smoketest/runs/", {"format": name})

    assert response.status_code == 200
    assert (b"FAIL" if name != "openmetrics" else b'smoketest_up{kind="slow"} 0.0') in response.content


def test_slow_formats__schema(waiting_run, deployer):
    """Real answers are what the published schemas say: progress, report and list."""
    check("report", json.loads(deployer.get(waiting_run).content))
    check("report", json.loads(deployer.get(waiting_run, {"after": 0}).content))
    check("runs", json.loads(deployer.get("/smoketest/runs/").content))


def test_slow_formats__finished_schema(finished_run, deployer):
    """A real finished report is what the published schema says."""
    check("report", json.loads(deployer.get(finished_run).content))


def test_slow_formats__page_leads_to_the_run(waiting_run, deployer):
    """The page that a browser gets for a start does not start another run: it goes on to the run's own."""
    page = deployer.get("/smoketest/slow/", headers={"accept": "text/html,*/*;q=0.8"}).content.decode()

    assert f'content="2; url=http://testserver{waiting_run}"' in page


@pytest.mark.usefixtures("finished_run")
def test_slow_formats__metrics(deployer):
    """The last queued run is served to those let in, with each of its tests; strangers see nothing of it."""
    ours, theirs = scrape(deployer), scrape(Client())

    assert ours["smoketest_store_up",] == 1
    assert ours["smoketest_up", "slow"] == 0
    assert ours["smoketest_test_up", "slow", "tests.project.shop.smoke.DemoTest.test_foomodel_reads"] == 0
    assert not [key for key in theirs if "slow" in key or "store" in key[0]]


def test_slow_formats__metrics_read_results_once(finished_run, redis_server, deployer):
    """The results of a run that has finished are read for the first scrape alone, however many they are."""
    first = scrape(deployer)
    run_id = finished_run.strip("/").rpartition("/")[2]
    results = redis_server.client.keys(f"*{run_id}*:results")

    assert redis_server.client.delete(*results) == 1
    assert scrape(deployer) == first


@pytest.mark.usefixtures("finished_run")
def test_slow_formats__metrics_after_a_cancel(queued, redis_server, deployer):
    """A run that was cancelled is no verdict: the last one that came to an end by itself is served on."""
    before = scrape(deployer)
    queued(redis_server, None, "shop")

    cancelled = deployer.delete(deployer.start())

    assert cancelled.json()["status"] == "CANCELLED"
    assert scrape(deployer) == before


@pytest.mark.usefixtures("waiting_run")
def test_slow_formats__metrics_while_a_run_goes_on(deployer):
    """A run that goes on is no verdict."""
    assert scrape(deployer)["smoketest_store_up",] == 1
    assert ("smoketest_up", "slow") not in scrape(deployer)


@pytest.mark.usefixtures("waiting_run")
def test_slow_formats__metrics_with_a_frozen_redis(own_redis, deployer):
    """A Redis that does not answer is told of, and keeps no scraper waiting for ever."""
    with own_redis.frozen():
        samples = scrape(deployer)

    assert samples["smoketest_store_up",] == 0
