"""What is known of one run: facts only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from smoketest.results import Cause, Outcome, Plan, Result


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    errored: int = 0
    skipped: int = 0
    timed_out: int = 0
    """Those of the errored whose cause is a timeout."""

    @property
    def run(self) -> int:
        return self.passed + self.failed + self.errored

    @property
    def ended(self) -> int:
        return self.run + self.skipped


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What is known of one run: facts only, its state is derived from them."""

    plan: Plan
    results: Mapping[str, Result]
    counts: Counts
    test_classes: int
    tests_total: int
    tests_kept: int | None = None
    """How many of a finished run's results are still there, as far as that was looked at."""
    id: str = ""
    """Empty for an inline run."""
    release: str = ""
    host: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    seen_at: datetime | None = None
    """When it stood so; by the clock of the other times."""
    is_news: bool = False
    """Whether this very look has ended what nobody answers for any more."""
    seconds: float = 0.0
    """Wall-clock time from the request until the end, or until now; a queued run's counts the wait for a worker."""
    is_cancelled: bool = False
    is_withdrawn: bool = False
    """Nothing of it was queued, and whoever asked for it was told so."""
    start_seconds: float = 0.0
    """How long tests wait for a sign of life."""
    left_seconds: float = 0.0
    """How much longer it may take."""
    silent_lanes: tuple[str, ...] = ()
    """Where they have waited longer: hosts, or one empty name for a run that is not bound to any."""
    refusal: str = ""
    """Why a worker left it alone."""
    told: tuple[str, ...] = ()
    """What of `started` and `finished` somebody tells the project, or has told it."""
    selection: str = ""
    """What was asked for, in the words of a query."""
    only_new: bool = False
    """Whether a release is refused for what fails newly alone."""
    place: str = ""
    """What nobody else can start a run for until it has ended."""
    baseline: str | None = None
    """What the run is compared with, encoded; None: it was not read, and neither were the results."""

    @property
    def has_results(self) -> bool:
        """Tell whether its plan and its results were read with it."""
        return self.baseline is not None


def count(results: Mapping[str, Result]) -> Counts:
    """Count results by outcome."""
    ended = [result.outcome for result in results.values()]
    return Counts(
        passed=ended.count(Outcome.PASSED),
        failed=ended.count(Outcome.FAILED),
        errored=ended.count(Outcome.ERRORED),
        skipped=ended.count(Outcome.SKIPPED),
        timed_out=sum(result.cause is Cause.TIMEOUT for result in results.values()),
    )
