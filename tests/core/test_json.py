"""A report as JSON, word for word."""

import json as stdlib_json
from dataclasses import replace
from datetime import UTC, datetime

from smoketest.report import json
from smoketest.report.summary import for_stranger, summarise
from smoketest.results import Outcome
from tests.core.finished import REPORT, RUNNING
from tests.core.making import make_result, make_run

HEAD = """\
{"status": "FAIL", "test_classes": 1, "tests_run": 4, "tests_passed": 1, "tests_failed": 1, "tests_errored": 2, \
"failed_tests": ["shop.smoke.CartTest.test_pays"], \
"errored_tests": ["shop.smoke.CartTest.test_hangs", "mail.smoke"], \
"time": 3300.07861328, "tests_skipped": 1, "tests_timed_out": 1, "tests_total": 5, \
"skipped_tests": ["shop.smoke.CartTest.test_prints"], "timed_out_tests": ["shop.smoke.CartTest.test_hangs"], \
"run_id": "run-1", "url": "https://example.com/smoketest/runs/run-1/", """


def test_finished():
    """A finished report has its keys in their order, and each result with what is known of it."""
    assert json.render(REPORT) == HEAD + (
        """\
"release": "r1", "host": "web-1", \
"started_at": "2026-11-22T10:00:00+00:00", "finished_at": "2026-11-22T10:00:03.300079+00:00", "results": [\
{"id": "shop.smoke.CartTest.test_adds", "outcome": "passed", "duration_ms": 0.5, "timeout_s": 5.0, "slow": false, \
"tags": ["money"], "host": "web-1", "pid": 7}, \
{"id": "shop.smoke.CartTest.test_hangs", "outcome": "errored", "cause": "timeout", "duration_ms": 5000.0, \
"waited_ms": 250.0, "timeout_s": 5.0, "slow": false, "tags": ["money"], "host": "web-1", "pid": 7, "release": "r1", \
"message": "timed out after 5 s"}, \
{"id": "shop.smoke.CartTest.test_pays", "outcome": "failed", "duration_ms": 125.0, "timeout_s": 5.0, "slow": true, \
"tags": ["money"], "host": "web-1", "pid": 7, "message": "1 != 2\\nnot paid", \
"traceback": "Traceback (most recent call last):\\n  File \\"smoke.py\\", line 3, in test_pays\\n\
AssertionError: 1 != 2\\n", \
"stdout": "paying\\n", "stderr": "no paper\\n", "warnings": ["a thread is left"], "logs": "WARNING till: empty\\n"}, \
{"id": "shop.smoke.CartTest.test_prints", "outcome": "skipped", "timeout_s": 5.0, "slow": false, \
"tags": ["money"], "message": "no <printer>"}, \
{"id": "mail.smoke", "outcome": "errored", "cause": "import", "timeout_s": 5.0, "slow": false, \
"tags": ["money"], "message": "mail.smoke would not load: Ünïcode"}]}
"""
    )


def test_stranger():
    """A stranger sees counts, ids and times; no results, no release, no host."""
    assert json.render(for_stranger(REPORT)) == HEAD + (
        '"started_at": "2026-11-22T10:00:00+00:00", "finished_at": "2026-11-22T10:00:03.300079+00:00"}\n'
    )


def test_running():
    """While a run goes on the counts are those so far, and what is not known yet is absent."""
    assert json.render(RUNNING) == (
        """\
{"status": "RUNNING", "test_classes": 2, "tests_run": 4, "tests_passed": 3, "tests_failed": 1, "tests_errored": 0, \
"failed_tests": [], "errored_tests": [], "time": 1500.0, "tests_skipped": 0, "tests_timed_out": 0, "tests_total": 6, \
"skipped_tests": [], "timed_out_tests": [], "run_id": "run-2", "url": "https://example.com/smoketest/runs/run-2/", \
"release": "r1", "host": "web-1", "started_at": "2026-11-22T10:00:00+00:00"}
"""
    )


def test_first_keys_never_change():
    """The first nine keys and their order are fixed."""
    assert list(json.as_dict(REPORT))[:9] == [
        "status",
        "test_classes",
        "tests_run",
        "tests_passed",
        "tests_failed",
        "tests_errored",
        "failed_tests",
        "errored_tests",
        "time",
    ]


def test_reason():
    """A report that is FAIL although nothing failed says why."""
    report = summarise(make_run(make_result("a.smoke.ATest.test_it", Outcome.SKIPPED)))

    assert json.as_dict(report)["reason"] == "every test was skipped"
    assert "reason" not in json.as_dict(REPORT)


def test_reason_is_not_given_early():
    """While a run goes on no reason is given."""
    assert "reason" not in json.as_dict(replace(RUNNING, reason="every test was skipped"))


def test_inline_run():
    """A run that was never queued has no id and no address."""
    report = summarise(
        make_run(
            make_result("a.smoke.ATest.test_it", Outcome.PASSED),
            started_at=datetime(2026, 11, 22, tzinfo=UTC),
            seconds=0.1,
        )
    )

    values = stdlib_json.loads(json.render(report))

    assert values["time"] == 100.0
    assert not {"run_id", "url", "release", "host", "finished_at"} & set(values)


def test_list():
    """A list of runs is one object."""
    rendered = stdlib_json.loads(json.render_list([REPORT, RUNNING]))

    assert [run["run_id"] for run in rendered["runs"]] == ["run-1", "run-2"]


def test_list__names_no_test():
    """A run in a list has its counts and names no test, since its results are not read for that."""
    without_results = replace(REPORT, rows=())

    (run,) = stdlib_json.loads(json.render_list([without_results]))["runs"]

    assert run["tests_errored"] == 2
    assert [name for name, value in run.items() if isinstance(value, list)] == []


def test_empty_list():
    """A list of no runs is an object too."""
    assert json.render_list([]) == '{"runs": []}\n'
