"""The scraper's URL: `/smoketest/metrics/`."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from smoketest import latest
from smoketest.report import formats
from tests.project.hanging import smoke as hanging_smoke
from tests.servers import ROOT

READS = "tests.project.shop.smoke.DemoTest.test_foomodel_reads"
PASSES = "tests.project.shop.smoke.TillTest.test_adds_up"


@pytest.fixture(autouse=True)
def _nothing_known():
    """Begin and end without any verdict."""
    latest.forget()
    yield
    latest.forget()


def scrape(client):
    """Return (name, labels) -> value, as Prometheus reads it."""
    response = client.get("/smoketest/metrics/")
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def test_metrics__nothing_known(project, stranger):
    """Before the first run there is no verdict, and none is made up."""
    project("shop")

    assert scrape(stranger) == {}


def test_metrics__runs_nothing(project, stranger):
    """Scraping starts no test."""
    project("hanging")
    before = hanging_smoke.hanging

    scrape(stranger)

    assert hanging_smoke.hanging == before
    assert latest.load() is None


def test_metrics__fast(project, stranger, operator):
    """The last inline run is served; to strangers without the tests that passed."""
    project("shop")
    stranger.get("/smoketest/")

    theirs, ours = scrape(stranger), scrape(operator)

    assert theirs["smoketest_up", "fast"] == 0
    assert theirs["smoketest_test_up", "fast", READS] == 0
    assert ("smoketest_test_up", "fast", PASSES) not in theirs
    assert ours["smoketest_test_up", "fast", PASSES] == 1
    assert theirs.items() < ours.items()


def test_metrics__all_tests_by_other_words(project, stranger):
    """A run of all fast tests counts however they were picked: who asks for all may be served its report."""
    project("shop", cache_seconds=60)
    stranger.get("/smoketest/", {"k": "test_"})

    stranger.get("/smoketest/")

    assert scrape(stranger)["smoketest_up", "fast"] == 0


def test_metrics__some_tests(project, stranger):
    """A run of some of the tests is no verdict on all."""
    project("shop")

    stranger.get("/smoketest/", {"k": "foomodel"})

    assert scrape(stranger) == {}


@pytest.mark.parametrize("app", ["broken_import", "broken_syntax", "slow_only", "empty"])
def test_metrics__nothing_to_run(project, stranger, app):
    """A module that does not import, or none with a test, is a verdict on all as well: it is kept."""
    project(app)

    stranger.get("/smoketest/")

    assert scrape(stranger)["smoketest_up", "fast"] == 0


@pytest.mark.usefixtures("row")
def test_metrics__newest_wins(project, stranger):
    """A later run takes the place of an earlier one."""
    project("outcomes")
    stranger.get("/smoketest/")
    project("shop")
    stranger.get("/smoketest/")

    assert scrape(stranger)["smoketest_up", "fast"] == 1


@pytest.mark.usefixtures("row")
def test_metrics__selections_do_not_count(project, stranger):
    """A run of some tests is no verdict on all."""
    project("shop")
    stranger.get("/smoketest/")

    stranger.get(f"/smoketest/?test={PASSES}")

    assert scrape(stranger)["smoketest_tests", "fast", "passed"] == 4


def test_metrics__of_another_process(project, stranger):
    """What another process of this host has run is served too."""
    project("shop")
    script = "import django; django.setup()\nfrom django.test import Client\nClient().get('/smoketest/')"
    environment = {**os.environ, "SMOKETEST_TEST_APPS": "shop"}
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, check=True)

    assert scrape(stranger)["smoketest_test_up", "fast", READS] == 0


def test_metrics__a_folder_of_somebody_else(project, stranger):
    """A folder that others may write to is not trusted; this process' own verdict is served."""
    project("shop")
    stranger.get("/smoketest/")
    file = latest._path()
    forged = json.loads(file.read_text()) | {"status": "PASS", "finished_at": "2100-01-01T00:00:00+00:00"}
    file.write_text(json.dumps(forged))
    file.parent.chmod(0o777)

    served = scrape(stranger)
    file.parent.chmod(0o700)

    assert served["smoketest_up", "fast"] == 0


def test_metrics__threads_share_the_file(project, stranger):
    """Threads that write at the same time don't take each other's drafts away."""
    project("shop")
    stranger.get("/smoketest/")
    text = latest._path().read_text()

    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(latest._write, text) for _ in range(400)]

    assert [each.exception() for each in written if each.exception()] == []
    assert latest._path().read_text() == text
    assert [each for each in latest._path().parent.iterdir() if each.suffix != ".json"] == []


@pytest.mark.parametrize("content", ["", "{}", "[]", "null", '{"status": "ODD"}'])
def test_metrics__broken_file(project, stranger, content):
    """A file that can't be understood is overlooked."""
    project("shop")
    stranger.get("/smoketest/")
    latest._own.report = None
    latest._path().write_text(content)

    assert scrape(stranger) == {}


def test_metrics__no_place_for_a_file(project, stranger, monkeypatch, tmp_path):
    """Where nothing can be written the process' own verdict is served."""
    project("shop")
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))

    response = stranger.get("/smoketest/")

    assert response.status_code == 500
    assert scrape(stranger)["smoketest_up", "fast"] == 0
    monkeypatch.undo()


def test_metrics__redis_down(project, operator):
    """With Redis down the fast verdict is served, and that Redis is down."""
    project("shop")
    operator.get("/smoketest/")

    samples = scrape(operator)

    assert samples["smoketest_store_up",] == 0
    assert samples["smoketest_up", "fast"] == 0


def test_metrics__not_installed(project, stranger, monkeypatch):
    """Without prometheus_client the answer says what to install."""
    project("shop")
    monkeypatch.setattr(formats, "find_spec", lambda _name: None)

    response = stranger.get("/smoketest/metrics/")

    assert response.status_code == 500
    assert "python -m pip install 'django-smoketest[metrics]'" in response.content.decode()
