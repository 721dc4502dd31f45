"""What a run shows, derived from what is known of it."""

from datetime import UTC, datetime

import pytest

from smoketest.facts import Counts
from smoketest.report.comparison import Baseline
from smoketest.report.summary import for_stranger, summarise, summarise_final
from smoketest.results import Cause, Outcome, Status
from tests.core.making import make_result, make_run

STARTED = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

GREEN = make_result("a.smoke.ATest.test_green", Outcome.PASSED)
RED = make_result("a.smoke.ATest.test_red", Outcome.FAILED)
RAISED = make_result("b.smoke.BTest.test_raised", Outcome.ERRORED, cause=Cause.EXCEPTION)
LATE = make_result("b.smoke.BTest.test_late", Outcome.ERRORED, cause=Cause.TIMEOUT)
SKIPPED = make_result("a.smoke.ATest.test_skipped", Outcome.SKIPPED)


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([GREEN], Status.PASS),
        ([GREEN, SKIPPED], Status.PASS),
        ([GREEN, RED], Status.FAIL),
        ([GREEN, RAISED], Status.FAIL),
        ([GREEN, LATE], Status.FAIL),
        ([GREEN, SKIPPED, RED, RAISED], Status.FAIL),
        ([RED], Status.FAIL),
        ([RAISED, SKIPPED], Status.FAIL),
        ([SKIPPED], Status.FAIL),
        ([], Status.FAIL),
    ],
)
def test_verdict(results, status):
    """A finished run is PASS only if at least one test has passed and none failed or errored."""
    report = summarise(make_run(*results, started_at=STARTED))

    assert report.status is status


@pytest.mark.parametrize(
    ("results", "reason"),
    [
        ([], "no test was found to run"),
        ([SKIPPED], "every test was skipped"),
        ([SKIPPED, RED], ""),
        ([SKIPPED, GREEN], ""),
        ([GREEN], ""),
    ],
)
def test_reason(results, reason):
    """Where nothing failed and a run is FAIL all the same, it says why."""
    report = summarise(make_run(*results, started_at=STARTED))

    assert report.reason == reason


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({}, Status.PENDING),
        ({"started_at": STARTED}, Status.RUNNING),
        ({"started_at": STARTED, "is_cancelled": True}, Status.CANCELLED),
        ({"is_cancelled": True}, Status.CANCELLED),
    ],
)
@pytest.mark.parametrize("results", [[], [GREEN], [SKIPPED], [RED]])
def test_unfinished(values, status, results):
    """A run that has not finished is PENDING until it has started, then RUNNING, whatever has ended so far."""
    report = summarise(make_run(*results, not_ended=1, **values))

    assert report.status is status
    assert report.reason == ""


def test_cancelled_is_no_pass():
    """A run that was cancelled stays CANCELLED, also when all that has ended has passed."""
    report = summarise(make_run(GREEN, started_at=STARTED, is_cancelled=True))

    assert report.status is Status.CANCELLED


@pytest.mark.parametrize("status", Status)
def test_finished(status):
    """PENDING and RUNNING go on, all others are final."""
    assert status.is_finished is (status not in {Status.PENDING, Status.RUNNING})


@pytest.mark.parametrize(
    "results",
    [[], [GREEN], [SKIPPED], [GREEN, RED, RAISED, LATE, SKIPPED], [RED, LATE], [RAISED, SKIPPED]],
)
def test_invariants(results):
    """Tests run are those that passed, failed or errored; the skipped are counted apart, the timed-out within."""
    counts = summarise(make_run(*results, started_at=STARTED)).counts

    assert counts.run == counts.passed + counts.failed + counts.errored
    assert counts.ended == counts.run + counts.skipped == len(results)
    assert counts.timed_out <= counts.errored


def test_counts():
    """Each outcome has its count, and timeouts are errors with a count of their own."""
    report = summarise(make_run(GREEN, RED, RAISED, LATE, SKIPPED, started_at=STARTED))

    assert report.counts == Counts(passed=1, failed=1, errored=2, skipped=1, timed_out=1)
    assert (report.test_classes, report.tests_total) == (2, 5)


def test_rows_are_in_the_plans_order():
    """What has ended is shown in the plan's order, whichever came first."""
    run = make_run(RED, GREEN, RAISED, not_ended=1, started_at=STARTED)
    run.results.update({RED.id: run.results.pop(RED.id)})

    report = summarise(run)

    assert [row.step.id for row in report.rows] == [RED.id, GREEN.id, RAISED.id]
    assert report.ids(Outcome.FAILED) == [RED.id]
    assert report.ids(Outcome.PASSED) == [GREEN.id]


def test_timed_out_ids():
    """Those that ended at their limit are known by their cause."""
    report = summarise(make_run(GREEN, LATE, RAISED, started_at=STARTED))

    assert report.timed_out_ids() == [LATE.id]
    assert report.ids(Outcome.ERRORED) == [LATE.id, RAISED.id]


def test_facts_are_handed_on():
    """A report knows what its run knows."""
    finished_at = datetime(2026, 11, 22, 10, 1, tzinfo=UTC)
    run = make_run(
        GREEN, id="run-1", release="r1", host="web-1", started_at=STARTED, finished_at=finished_at, seconds=60.0
    )

    report = summarise(run)

    assert (report.run_id, report.release, report.host, report.seconds) == ("run-1", "r1", "web-1", 60.0)
    assert (report.started_at, report.finished_at) == (STARTED, finished_at)


def test_stranger_sees_counts_and_ids():
    """A stranger's report has the verdict, the counts and the ids, and nothing that a test or a server said."""
    secret = make_result(
        "a.smoke.ATest.test_red",
        Outcome.ERRORED,
        cause=Cause.TIMEOUT,
        message="secret",
        traceback="secret",
        stdout="secret",
        stderr="secret",
        logs="secret",
        warnings=("secret",),
        host="secret",
        pid=1,
        release="secret",
    )
    report = summarise(make_run(secret, GREEN, started_at=STARTED, host="secret", release="secret"))

    shown = for_stranger(report)

    assert "secret" not in repr(shown)
    assert (shown.status, shown.counts, shown.tests_total) == (report.status, report.counts, 2)
    assert shown.ids(Outcome.ERRORED) == shown.timed_out_ids() == [secret.id]
    assert not shown.has_detail


def test_stranger_sees_no_hosts():
    """Hosts are numbers to a stranger, the same in all lists."""
    ids = ["a.smoke.ATest.test_red@web2", "a.smoke.ATest.test_red@web1", "worker@web3"]
    results = [make_result(each, Outcome.FAILED) for each in ids]
    run = make_run(*results, started_at=STARTED)
    baseline = Baseline(run_id="r", release="r0", tests=tuple(ids), bad=(ids[0],))

    report = for_stranger(summarise_final(run, baseline))

    numbered = ["a.smoke.ATest.test_red@2", "a.smoke.ATest.test_red@1", "worker@3"]
    assert report.ids(Outcome.FAILED) == numbered
    assert [row.result.id for row in report.rows] == numbered
    assert report.comparison.still_failing == (numbered[0],)
    assert set(report.comparison.newly_failing) == set(numbered[1:])
