"""Derives what a run shows from the facts that are known of it."""

from dataclasses import dataclass, replace
from datetime import datetime

from smoketest.facts import Counts, Run
from smoketest.report.comparison import Baseline, Comparison, compare
from smoketest.results import Cause, Outcome, Result, Status, Step


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A step that has ended."""

    step: Step
    result: Result


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a run shows now."""

    status: Status
    counts: Counts
    test_classes: int
    tests_total: int
    seconds: float
    reason: str = ""
    """Why a run without a bad test is FAIL."""
    rows: tuple[Row, ...] = ()
    """Empty until the run has finished, but where what is new is asked for."""
    next_after: int | None = None
    """Where the rows are what is new: how many results the caller has then."""
    has_detail: bool = True
    run_id: str = ""
    url: str = ""
    release: str = ""
    host: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    comparison: Comparison | None = None
    """With the release before; of finished queued runs."""

    def ids(self, outcome: Outcome) -> list[str]:
        """Return the ids of the tests that ended so, in the plan's order."""
        return [row.step.id for row in self.rows if row.result.outcome is outcome]

    def timed_out_ids(self) -> list[str]:
        """Return the ids of the tests that were ended at their limit."""
        return [row.step.id for row in self.rows if row.result.cause is Cause.TIMEOUT]


def summarise(run: Run, *, url: str = "") -> Report:
    """Report a run as it stands, which is found at a URL."""
    return _report(run, _rows(run), url, None)


def summarise_final(run: Run, baseline: Baseline | None, *, url: str = "") -> Report:
    """Report a finished run, with its results, beside the last one of the release before, unless it was cancelled."""
    rows = _rows(run)
    comparison = None if run.is_cancelled else compare((row.result for row in rows), baseline)
    return _report(run, rows, url, comparison)


def _rows(run: Run) -> tuple[Row, ...]:
    return tuple(Row(step=step, result=run.results[step.id]) for step in run.plan.steps if step.id in run.results)


def _report(run: Run, rows: tuple[Row, ...], url: str, comparison: Comparison | None) -> Report:
    reason = _reason(run)
    return Report(
        status=_status(run, reason),
        counts=run.counts,
        test_classes=run.test_classes,
        tests_total=run.tests_total,
        seconds=run.seconds,
        reason=reason,
        rows=rows,
        run_id=run.id,
        url=url,
        release=run.release,
        host=run.host,
        started_at=run.started_at,
        finished_at=run.finished_at,
        comparison=comparison,
    )


def for_stranger(report: Report) -> Report:
    """Return the report with counts and ids alone, hosts numbered; the ids of passed tests are in no list."""
    anonymous = _Anonymous(report)
    return replace(
        report,
        rows=tuple(anonymous.row(row) for row in report.rows if row.result.outcome is not Outcome.PASSED),
        has_detail=False,
        release="",
        host="",
        comparison=anonymous.comparison(report.comparison) if report.comparison else None,
    )


class _Anonymous:
    """A report's tests without what only those who are let in may see."""

    def __init__(self, report: Report) -> None:
        hosts = {row.step.id.partition("@")[2] for row in report.rows} - {""}
        self._numbers = {host: number for number, host in enumerate(sorted(hosts), start=1)}

    def row(self, row: Row) -> Row:
        """Return how a test ended and nothing of why, but for a timeout: those are counted."""
        test_id = self._id(row.step.id)
        cause = row.result.cause if row.result.cause is Cause.TIMEOUT else None
        result = Result(id=test_id, outcome=row.result.outcome, cause=cause)
        return Row(step=replace(row.step, id=test_id), result=result)

    def comparison(self, comparison: Comparison) -> Comparison:
        """Return which of the bad tests are new, and how many tests there were."""
        newly, still = (tuple(map(self._id, ids)) for ids in (comparison.newly_failing, comparison.still_failing))
        return replace(comparison, newly_failing=newly, still_failing=still, fixed=(), gone=(), run_id="", release="")

    def _id(self, test_id: str) -> str:
        name, _, host = test_id.partition("@")
        return f"{name}@{self._numbers.get(host, 0)}" if host else test_id


def _reason(run: Run) -> str:
    """Return why a finished run is not green although nothing in it failed, or nothing."""
    if run.tests_kept is not None and run.tests_kept < run.tests_total:
        return f"of {run.tests_total} results only {run.tests_kept} are there: Redis has lost the others"
    if not run.tests_total:
        return "no test was found to run"
    if run.counts.ended == run.tests_total == run.counts.skipped:
        return "every test was skipped"
    return ""


def _status(run: Run, reason: str) -> Status:
    if run.is_cancelled:
        return Status.CANCELLED
    if run.counts.ended < run.tests_total:
        return Status.RUNNING if run.started_at else Status.PENDING
    is_green = run.counts.passed > 0 and not reason and not (run.counts.failed or run.counts.errored)
    return Status.PASS if is_green else Status.FAIL
