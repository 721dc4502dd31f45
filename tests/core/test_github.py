"""A report as annotations of a GitHub workflow."""

import re

from smoketest.report import github
from smoketest.report.problem import Problem
from smoketest.report.summary import for_stranger, summarise
from smoketest.results import Outcome
from tests.core.finished import REPORT, RUNNING
from tests.core.making import make_result, make_run

LINE = "FAIL: 1 passed, 1 failed, 2 errored, 1 skipped of 5 tests in 3.3 s"
COMMAND = re.compile(r"::(error|warning|notice) ([a-z]+=[^:,]*)(,[a-z]+=[^:,]*)*::.*")


def test_finished():
    """The bad tests are errors at the line where they went wrong, then come warnings and the verdict."""
    assert github.render(REPORT) == (
        "::error file=smoke.py,line=3,title=shop.smoke.CartTest.test_pays failed::1 != 2%0Anot paid%0A"
        'Traceback (most recent call last):%0A  File "smoke.py", line 3, in test_pays%0AAssertionError: 1 != 2\n'
        "::error title=shop.smoke.CartTest.test_hangs errored (timeout)::timed out after 5 s\n"
        "::error title=mail.smoke errored (import)::mail.smoke would not load: Ünïcode\n"
        "::warning title=shop.smoke.CartTest.test_pays::a thread is left\n"
        f"::notice title=smoketest::{LINE}\n"
    )


def test_stranger():
    """A stranger gets the ids of the bad tests and no place."""
    assert github.render(for_stranger(REPORT)) == (
        "::error title=shop.smoke.CartTest.test_pays failed::failed\n"
        "::error title=shop.smoke.CartTest.test_hangs errored (timeout)::errored (timeout)\n"
        "::error title=mail.smoke errored::errored\n"
        f"::notice title=smoketest::{LINE}\n"
    )


def test_nothing_is_green_by_accident():
    """What is no PASS is an error, also where no test is bad."""
    assert github.render(summarise(make_run())) == "::error title=smoketest::no test was found to run\n"
    assert github.render(RUNNING).startswith("::error title=smoketest::RUNNING: ")


def test_place():
    """The place is where the test itself stood, not what it called, nor an earlier exception's."""
    traceback = (
        'Traceback (most recent call last):\n  File "/srv/a,b.py", line 1, in test_it\nKeyError: 1\n\n'
        "During handling of the above exception, another exception occurred:\n\n"
        'Traceback (most recent call last):\n  File "/srv/a,b.py", line 9, in test_it\n'
        '  File "/srv/deep.py", line 5, in called\nValueError: 2\n'
    )
    report = summarise(
        make_run(make_result("a.smoke.ATest.test_it", Outcome.ERRORED, message="bad", traceback=traceback))
    )

    assert github.render(report).startswith("::error file=/srv/a%2Cb.py,line=9,title=")


def test_no_command_can_be_smuggled_in():
    """Whatever a test says, each line is one command of ours."""
    message = "100%\r\n::set-output name=a::b\n::stop-commands::x"
    report = summarise(
        make_run(make_result("a.smoke.ATest.test_it", Outcome.FAILED, message=message, warnings=("a::b\nc",)))
    )

    lines = github.render(report).splitlines()

    assert len(lines) == 3
    assert all(COMMAND.fullmatch(line) for line in lines)
    assert "::100%25%0D%0A::set-output" in lines[0]


def test_drives_no_terminal():
    """What would drive a terminal is spelt out: a runner prints the commands to its log."""
    hostile = make_result("a.smoke.ATest.test_it", Outcome.FAILED, message="\x1b[2J \x9b2J")

    rendered = github.render(summarise(make_run(hostile)))

    assert "::\\x1b[2J \\x9b2J\n" in rendered


def test_list():
    """In a list each run is an annotation, and one that goes on is no error yet."""
    rendered = github.render_list([REPORT, RUNNING]).splitlines()

    assert rendered[0] == f"::error title=run-1::{LINE}"
    assert rendered[1].startswith("::warning title=run-2::RUNNING")


def test_problem():
    """A request that got no report is an error."""
    rendered = github.render_problem(Problem(status=410, title="Gone", detail="start another"))

    assert rendered == "::error title=Gone::start another\n"
