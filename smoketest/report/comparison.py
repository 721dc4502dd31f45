"""What is new in a run: its results beside those of the release before."""

from collections.abc import Iterable
from dataclasses import dataclass

from smoketest.facts import Run
from smoketest.results import Outcome, Result


@dataclass(frozen=True, kw_only=True, slots=True)
class Baseline:
    """What later runs are compared with: which tests a run had, and which of them went wrong."""

    run_id: str
    release: str
    tests: tuple[str, ...]
    """The ids of all its tests."""
    bad: tuple[str, ...]
    """Those that failed or errored; one that nobody ran to its end is not known to be bad."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """A finished run beside the last one of the release before; without such a run every failure is new."""

    newly_failing: tuple[str, ...] = ()
    still_failing: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    """Tests that were there and are no more."""
    run_id: str = ""
    """What it is compared with."""
    release: str = ""
    tests_total: int | None = None
    """How many tests there were; None: no earlier release is known."""


def make_baseline(run: Run) -> Baseline | None:
    """Return what later runs are compared with; None of a run that says nothing of its tests."""
    results = [run.results[step.id] for step in run.plan.steps if step.id in run.results]
    answers = [result for result in results if _is_answer(result)]
    if run.is_cancelled or not answers:
        return None
    return Baseline(
        run_id=run.id,
        release=run.release,
        tests=tuple(step.id for step in run.plan.steps),
        bad=tuple(result.id for result in answers if not result.outcome.is_ok),
    )


def compare(results: Iterable[Result], baseline: Baseline | None) -> Comparison:
    """Compare the results of a finished run, in its order, with the baseline.

    A failure is old only if the same test is known to have been bad, and has been run to its end now.
    """
    by_id = {result.id: result for result in results}
    were_bad = frozenset(baseline.bad) if baseline else frozenset()
    bad = [result for result in by_id.values() if not result.outcome.is_ok]
    old = {result.id for result in bad if result.id in were_bad and _is_answer(result)}
    passed = [test_id for test_id, result in by_id.items() if result.outcome is Outcome.PASSED]
    return Comparison(
        newly_failing=tuple(result.id for result in bad if result.id not in old),
        still_failing=tuple(result.id for result in bad if result.id in old),
        fixed=tuple(test_id for test_id in passed if test_id in were_bad),
        gone=tuple(test_id for test_id in baseline.tests if test_id not in by_id) if baseline else (),
        run_id=baseline.run_id if baseline else "",
        release=baseline.release if baseline else "",
        tests_total=len(baseline.tests) if baseline else None,
    )


def _is_answer(result: Result) -> bool:
    return not (result.cause and result.cause.is_silence)
