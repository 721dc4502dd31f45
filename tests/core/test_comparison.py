"""A finished run beside that of the release before: what is new, and what a verdict makes of it."""

from dataclasses import replace

import pytest

from smoketest.report import html, json, junit, only_new, text
from smoketest.report.comparison import Baseline, compare, make_baseline
from smoketest.report.summary import for_stranger, summarise_final
from smoketest.results import Cause, Outcome
from tests.core.finished import COMPARED, REPORT
from tests.core.making import make_result, make_run

PASSED = make_result("a", Outcome.PASSED)
FAILED = make_result("a", Outcome.FAILED)
SKIPPED = make_result("a", Outcome.SKIPPED)
LOST = make_result("a", Outcome.ERRORED, cause=Cause.LOST)
NOT_RUN = make_result("a", Outcome.ERRORED, cause=Cause.NOT_RUN)
TIMEOUT = make_result("a", Outcome.ERRORED, cause=Cause.TIMEOUT)
BESIDE = make_result("beside", Outcome.PASSED)


def baseline_of(*results):
    """Return what a run of another release left, with one more test that passed."""
    return make_baseline(make_run(*results, BESIDE, id="run-0", release="r0"))


def verdict(report):
    """Tell whether a report with failures is let pass by --only-new."""
    return only_new.has_only_old_failures(json.as_dict(report))


@pytest.mark.parametrize(
    ("before", "now", "change"),
    [
        (PASSED, FAILED, "newly_failing"),
        (SKIPPED, FAILED, "newly_failing"),
        (FAILED, FAILED, "still_failing"),
        (FAILED, TIMEOUT, "still_failing"),
        (TIMEOUT, FAILED, "still_failing"),
        (FAILED, PASSED, "fixed"),
        # What nobody ran to its end is not known to have been bad, nor to be as bad as it was.
        (LOST, FAILED, "newly_failing"),
        (NOT_RUN, FAILED, "newly_failing"),
        (FAILED, LOST, "newly_failing"),
        (FAILED, NOT_RUN, "newly_failing"),
    ],
)
def test_compare(before, now, change):
    """A failure is old only if the same test is known to have failed, and to fail now."""
    comparison = compare([now, BESIDE], baseline_of(before))

    assert getattr(comparison, change) == ("a",)
    assert len(comparison.newly_failing + comparison.still_failing + comparison.fixed + comparison.gone) == 1


def test_compare__same():
    """A test that passes as before is no news."""
    comparison = compare([PASSED, BESIDE], baseline_of(PASSED))

    assert not comparison.newly_failing + comparison.still_failing + comparison.fixed + comparison.gone


def test_compare__gone():
    """A test that was there and is no more is told, whatever it came to."""
    comparison = compare([BESIDE], baseline_of(FAILED))

    assert (comparison.gone, comparison.tests_total) == (("a",), 2)


def test_compare__nothing_is_known():
    """Without a run of another release every failure is new."""
    comparison = compare([FAILED, BESIDE], None)

    assert (comparison.newly_failing, comparison.tests_total) == (("a",), None)


@pytest.mark.parametrize(
    "run",
    [make_run(), make_run(LOST), make_run(LOST, NOT_RUN), make_run(PASSED, is_cancelled=True)],
)
def test_make_baseline__nothing_to_learn(run):
    """A run that says nothing of its tests is nothing to compare with."""
    assert make_baseline(run) is None


@pytest.mark.parametrize(
    ("results", "before", "is_let_pass"),
    [
        ([FAILED, BESIDE], baseline_of(FAILED), True),
        ([FAILED], baseline_of(FAILED), True),
        ([FAILED, BESIDE], baseline_of(PASSED), False),
        ([FAILED, BESIDE], None, False),
        ([LOST, BESIDE], baseline_of(FAILED), False),
        ([FAILED, make_result("b", Outcome.FAILED)], baseline_of(FAILED), False),
        ([FAILED, make_result("b.smoke", Outcome.ERRORED, cause=Cause.IMPORT)], baseline_of(FAILED), False),
        ([SKIPPED], baseline_of(FAILED), False),
        ([], baseline_of(FAILED), False),
    ],
)
def test_only_new(results, before, is_let_pass):
    """A FAIL is let pass if it has bad tests, and each of them was bad in the release before."""
    report = summarise_final(make_run(*results), before)

    assert verdict(report) is is_let_pass


@pytest.mark.parametrize("change", [{"failed_tests": []}, {"still_failing_tests": []}, {"reason": "some"}])
def test_only_new__incomplete(change):
    """A report that does not name each of its failures as old is never let pass."""
    values = json.as_dict(summarise_final(make_run(FAILED, BESIDE), baseline_of(FAILED)))

    assert only_new.has_only_old_failures(values)
    assert not only_new.has_only_old_failures(values | change)


def test_only_new__cancelled():
    """A run that was cancelled is compared with nothing, and never let pass."""
    report = summarise_final(make_run(FAILED, is_cancelled=True), baseline_of(FAILED))

    assert report.comparison is None
    assert not verdict(report)


def test_what_counts():
    """What the verdict rests on is told in a line, or that it rests on nothing."""
    values = json.as_dict(COMPARED)
    unknown = json.as_dict(summarise_final(make_run(FAILED), None))

    assert only_new.what_counts(values) == (
        "compared with r0: 2 newly failing, 1 still failing, 1 fixed, 1 gone; 5 -> 5 tests"
    )
    assert only_new.what_counts(unknown) == "no run of another release is known: every failure counts as new"
    assert only_new.what_counts(json.as_dict(REPORT)) == "the report tells nothing of what is new"


def test_text():
    """The text has the changes in number behind the fixed lines, and in full at the end."""
    lines = text.render(COMPARED).splitlines()

    assert lines[:9] == text.render(REPORT).splitlines()[:9]
    assert lines[9:14] == [
        "compared with: r0",
        "tests newly failing: 2",
        "tests still failing: 1",
        "tests fixed: 1",
        "tests gone: 1 (5 → 5)",
    ]
    assert lines[-12:] == [
        "newly failing:",
        "    shop.smoke.CartTest.test_hangs",
        "    mail.smoke",
        "",
        "still failing:",
        "    shop.smoke.CartTest.test_pays",
        "",
        "fixed:",
        "    shop.smoke.CartTest.test_adds",
        "",
        "gone:",
        "    shop.smoke.CartTest.test_old",
    ]


def test_text__nothing_is_known():
    """Where there is nothing to compare with the text is as ever."""
    run = make_run(FAILED, BESIDE)

    assert "new" not in text.render(summarise_final(run, None))


def test_text__is_bounded():
    """A module with a thousand tests that is gone fills no screen."""
    before = Baseline(run_id="r", release="r0", tests=tuple(f"a.{number}" for number in range(1000)), bad=())

    lines = text.render(summarise_final(make_run(BESIDE), before)).splitlines()

    assert lines[-1] == "    and 980 more"
    assert len(lines) < 40


def test_json():
    """JSON has all of it behind the other keys."""
    values = json.as_dict(COMPARED)

    assert list(values)[-5:] == [
        "newly_failing_tests",
        "still_failing_tests",
        "fixed_tests",
        "gone_tests",
        "compared_with",
    ]
    assert values["compared_with"] == {"run_id": "run-0", "release": "r0", "tests_total": 5}
    assert "newly_failing_tests" not in json.as_dict(REPORT)


def test_stranger():
    """A stranger sees which of the bad tests are new, and no release, no run and no test that is not bad."""
    stranger = for_stranger(COMPARED)

    values = json.as_dict(stranger)

    assert values["newly_failing_tests"] == ["shop.smoke.CartTest.test_hangs", "mail.smoke"]
    assert (values["fixed_tests"], values["gone_tests"]) == ([], [])
    assert values["compared_with"] == {"tests_total": 5}
    assert not any(word in render(stranger) for render in (text.render, html.render) for word in ("r0", "test_old"))


def test_junit():
    """JUnit has the numbers as properties of the suite."""
    assert '<property name="newly failing" value="2" />' in junit.render(COMPARED)
    assert "newly failing" not in junit.render(replace(COMPARED, comparison=compare([FAILED], None)))


def test_html():
    """The page has a section for what is new."""
    page = html.render(COMPARED)

    assert "Compared with r0" in page
    assert "<h3>Newly failing: 2</h3>" in page
    assert "Compared" not in html.render(REPORT)
