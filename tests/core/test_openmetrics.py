"""A report as OpenMetrics, read back by Prometheus' own parser."""

from dataclasses import replace

from prometheus_client.openmetrics.parser import text_string_to_metric_families

from smoketest.report import openmetrics
from smoketest.report.summary import for_stranger, summarise
from smoketest.results import Outcome, Status
from tests.core.finished import REPORT, RUNNING
from tests.core.making import make_result, make_run

FAST = summarise(make_run(make_result("a.smoke.ATest.test_it", Outcome.PASSED), seconds=0.25))


def samples_of(text):
    """Return (name, labels) -> value, as Prometheus reads it."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_finished():
    """A report is its verdict, counts, time and end, and for each test whether it passed and how long it took."""
    assert samples_of(openmetrics.render(REPORT)) == {
        ("smoketest_up", "slow"): 0,
        ("smoketest_tests", "slow", "passed"): 1,
        ("smoketest_tests", "slow", "failed"): 1,
        ("smoketest_tests", "slow", "errored"): 2,
        ("smoketest_tests", "slow", "skipped"): 1,
        ("smoketest_tests_timed_out", "slow"): 1,
        ("smoketest_run_duration_seconds", "slow"): 3.3000786132812,
        ("smoketest_run_finished_timestamp_seconds", "slow"): 1795341603.300079,
        ("smoketest_run_info", "web-1", "slow", "r1"): 1,
        ("smoketest_test_up", "slow", "shop.smoke.CartTest.test_pays"): 0,
        ("smoketest_test_up", "slow", "shop.smoke.CartTest.test_hangs"): 0,
        ("smoketest_test_up", "slow", "mail.smoke"): 0,
        ("smoketest_test_up", "slow", "shop.smoke.CartTest.test_adds"): 1,
        ("smoketest_test_duration_seconds", "slow", "shop.smoke.CartTest.test_pays"): 0.125,
        ("smoketest_test_duration_seconds", "slow", "shop.smoke.CartTest.test_hangs"): 5,
        ("smoketest_test_duration_seconds", "slow", "shop.smoke.CartTest.test_adds"): 0.0005,
    }


def test_stranger():
    """A stranger gets the counts and the ids of the bad tests."""
    assert openmetrics.render(for_stranger(REPORT)) == (
        """\
# HELP smoketest_up 1 if the last run that has come to a verdict was PASS, else 0
# TYPE smoketest_up gauge
smoketest_up{kind="slow"} 0.0
# HELP smoketest_tests Tests of the last run by outcome
# TYPE smoketest_tests gauge
smoketest_tests{kind="slow",outcome="passed"} 1.0
smoketest_tests{kind="slow",outcome="failed"} 1.0
smoketest_tests{kind="slow",outcome="errored"} 2.0
smoketest_tests{kind="slow",outcome="skipped"} 1.0
# HELP smoketest_tests_timed_out Tests of the last run that were ended at their limit; they are among the errored
# TYPE smoketest_tests_timed_out gauge
smoketest_tests_timed_out{kind="slow"} 1.0
# HELP smoketest_run_duration_seconds How long the last run took
# TYPE smoketest_run_duration_seconds gauge
# UNIT smoketest_run_duration_seconds seconds
smoketest_run_duration_seconds{kind="slow"} 3.3000786132812
# HELP smoketest_run_finished_timestamp_seconds When the last run finished
# TYPE smoketest_run_finished_timestamp_seconds gauge
# UNIT smoketest_run_finished_timestamp_seconds seconds
smoketest_run_finished_timestamp_seconds{kind="slow"} 1.795341603300079e+09
# HELP smoketest_test_up 1 if the test passed in the last run, 0 if it failed or errored; none if it was skipped
# TYPE smoketest_test_up gauge
smoketest_test_up{kind="slow",test="shop.smoke.CartTest.test_pays"} 0.0
smoketest_test_up{kind="slow",test="shop.smoke.CartTest.test_hangs"} 0.0
smoketest_test_up{kind="slow",test="mail.smoke"} 0.0
# EOF
"""
    )


def test_running():
    """A run that goes on has no verdict to show."""
    assert openmetrics.render(RUNNING) == "# EOF\n"


def test_kinds():
    """Of several reports the first of each kind counts: inline runs are fast, queued ones slow."""
    older = replace(FAST, seconds=9.0)

    samples = samples_of(openmetrics.expose(openmetrics.gauges_of([FAST, RUNNING, REPORT, older])))

    assert (samples["smoketest_up", "fast"], samples["smoketest_up", "slow"]) == (1, 0)
    assert samples["smoketest_run_duration_seconds", "fast"] == 0.25


def test_list():
    """A list is the newest run that has come to a verdict: one that was cancelled is none."""
    cancelled = replace(REPORT, status=Status.CANCELLED, seconds=0.5)

    assert openmetrics.render_list([RUNNING, cancelled, REPORT]) == openmetrics.render(REPORT)


def test_a_bounded_number_of_series():
    """Of more tests than are shown the bad ones stay."""
    results = [make_result(f"a.smoke.ATest.test_{n}", Outcome.PASSED) for n in range(openmetrics.MOST_TESTS)]
    bad = make_result("b.smoke.BTest.test_it", Outcome.FAILED)

    samples = samples_of(openmetrics.render(summarise(make_run(*results, bad))))

    shown = [key[2] for key in samples if key[0] == "smoketest_test_up"]
    assert len(shown) == openmetrics.MOST_TESTS
    assert "b.smoke.BTest.test_it" in shown


def test_odd_labels():
    """A label's value is escaped."""
    report = replace(FAST, release='1"\\\n2', host="web")

    assert samples_of(openmetrics.render(report))["smoketest_run_info", "web", "fast", '1"\\\n2'] == 1
