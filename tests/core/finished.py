"""One mixed run that has finished, for every format to show."""

from dataclasses import replace
from datetime import UTC, datetime

from smoketest.report.comparison import Baseline
from smoketest.report.summary import summarise, summarise_final
from smoketest.results import Cause, Outcome, Plan
from tests.core.making import make_result, make_run, make_step

RESULTS = (
    make_result("shop.smoke.CartTest.test_adds", Outcome.PASSED, duration_seconds=0.0005, host="web-1", pid=7),
    make_result(
        "shop.smoke.CartTest.test_hangs",
        Outcome.ERRORED,
        cause=Cause.TIMEOUT,
        message="timed out after 5 s",
        duration_seconds=5.0,
        waited_seconds=0.25,
        host="web-1",
        pid=7,
        release="r1",
    ),
    make_result(
        "shop.smoke.CartTest.test_pays",
        Outcome.FAILED,
        message="1 != 2\nnot paid",
        traceback='Traceback (most recent call last):\n  File "smoke.py", line 3, in test_pays\n'
        "AssertionError: 1 != 2\n",
        stdout="paying\n",
        stderr="no paper\n",
        logs="WARNING till: empty\n",
        warnings=("a thread is left",),
        duration_seconds=0.125,
        host="web-1",
        pid=7,
    ),
    make_result("shop.smoke.CartTest.test_prints", Outcome.SKIPPED, message="no <printer>"),
    make_result("mail.smoke", Outcome.ERRORED, cause=Cause.IMPORT, message="mail.smoke would not load: Ünïcode"),
)
_RUN = make_run(
    *RESULTS,
    plan=Plan(
        steps=tuple(
            replace(make_step(result.id), tags=("money",), is_slow=result.outcome is Outcome.FAILED)
            for result in RESULTS
        )
    ),
    test_classes=1,
    release="r1",
    host="web-1",
    started_at=datetime(2026, 11, 22, 10, 0, tzinfo=UTC),
    finished_at=datetime(2026, 11, 22, 10, 0, 3, 300079, tzinfo=UTC),
    seconds=3.3000786132812,
    id="run-1",
)
COMPARED = replace(
    summarise_final(
        _RUN,
        Baseline(
            run_id="run-0",
            release="r0",
            tests=(*(result.id for result in RESULTS[:4]), "shop.smoke.CartTest.test_old"),
            bad=("shop.smoke.CartTest.test_adds", "shop.smoke.CartTest.test_pays"),
        ),
    ),
    url="https://example.com/smoketest/runs/run-1/",
)
"""The same run beside one of another release."""
REPORT = replace(summarise(_RUN), url="https://example.com/smoketest/runs/run-1/")

RUNNING = replace(
    summarise(
        make_run(
            not_ended=6,
            counts=replace(_RUN.counts, passed=3, failed=1, errored=0, skipped=0, timed_out=0),
            test_classes=2,
            id="run-2",
            started_at=datetime(2026, 11, 22, 10, 0, tzinfo=UTC),
            seconds=1.5,
            release="r1",
            host="web-1",
        )
    ),
    url="https://example.com/smoketest/runs/run-2/",
)
