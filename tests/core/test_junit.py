"""A report as JUnit XML, read back by Jenkins' own schema and by a parser."""

from dataclasses import replace
from pathlib import Path

import junitparser
import pytest
import xmlschema

from smoketest.report import junit
from smoketest.report.problem import Problem
from smoketest.report.summary import for_stranger, summarise
from smoketest.results import Outcome, Status
from tests.core.finished import REPORT, RUNNING
from tests.core.making import make_result, make_run

# Of Jenkins' xUnit plugin, MIT; taken from pytest 9.0.1, testing/example_scripts/junit-10.xsd.
SCHEMA = xmlschema.XMLSchema(Path(__file__).parent / "schemas" / "junit-10.xsd")
NOTHING_FOUND = summarise(make_run())
ALL_SKIPPED = summarise(make_run(make_result("a.smoke.ATest.test_it", Outcome.SKIPPED)))
PROBLEM = Problem(status=401, title="Unauthorized", detail="send <token>")


def cases_of(text):
    """Return class and name -> the kinds of what is in the case, as a viewer finds them."""
    return {
        (case.classname, case.name): [type(result).__name__ for result in case.result]
        for suite in junitparser.JUnitXml.fromstring(text.encode())
        for case in suite
    }


@pytest.mark.parametrize(
    "text",
    [
        junit.render(REPORT),
        junit.render(for_stranger(REPORT)),
        junit.render(RUNNING),
        junit.render(NOTHING_FOUND),
        junit.render_list([REPORT, RUNNING]),
        junit.render_list([]),
        junit.render_problem(PROBLEM),
    ],
)
def test_schema(text):
    """All of it is what Jenkins' schema asks for."""
    SCHEMA.validate(text)


def test_finished():
    """Each test is a case of its class, and errors are told from failures."""
    assert cases_of(junit.render(REPORT)) == {
        ("shop.smoke.CartTest", "test_adds"): [],
        ("shop.smoke.CartTest", "test_hangs"): ["Error"],
        ("shop.smoke.CartTest", "test_pays"): ["Failure"],
        ("shop.smoke.CartTest", "test_prints"): ["Skipped"],
        ("mail", "smoke"): ["Error"],
    }


def test_suite():
    """The suite has the counts, the time, the start and the host."""
    (suite,) = junitparser.JUnitXml.fromstring(junit.render(REPORT).encode())

    assert (suite.tests, suite.failures, suite.errors, suite.skipped, suite.time) == (5, 1, 2, 1, 3.3)
    assert (suite.timestamp, suite.hostname) == ("2026-11-22T10:00:00.000+00:00", "web-1")
    assert {each.name: each.value for each in suite.properties()} == {
        "status": "FAIL",
        "release": "r1",
        "run": "run-1",
        "url": "https://example.com/smoketest/runs/run-1/",
    }


def test_detail():
    """A bad case has message, traceback and what was written."""
    suites = junitparser.JUnitXml.fromstring(junit.render(REPORT).encode())

    (case,) = [case for suite in suites for case in suite if case.name == "test_pays"]

    assert (case.result[0].message, case.time) == ("1 != 2\nnot paid", 0.125)
    assert case.result[0].text.endswith("AssertionError: 1 != 2\n")
    assert case.system_out == "paying\n"
    assert case.system_err == "no paper\n\nWARNING till: empty\n\na thread is left"


def test_stranger():
    """A stranger gets the ids of the tests that did not pass, and cases without a name for the others."""
    assert junit.render(for_stranger(REPORT)) == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<testsuites name="smoketest" tests="5" failures="1" errors="2">'
        '<testsuite name="run-1" time="3.300" timestamp="2026-11-22T10:00:00.000+00:00"'
        ' tests="5" failures="1" errors="2" skipped="1"><properties><property name="status" value="FAIL" />'
        '<property name="run" value="run-1" />'
        '<property name="url" value="https://example.com/smoketest/runs/run-1/" /></properties>'
        '<testcase classname="shop.smoke.CartTest" name="test_hangs"><error type="timeout" /></testcase>'
        '<testcase classname="shop.smoke.CartTest" name="test_pays"><failure type="failed" /></testcase>'
        '<testcase classname="shop.smoke.CartTest" name="test_prints"><skipped type="skipped" /></testcase>'
        '<testcase classname="mail" name="smoke"><error type="errored" /></testcase>'
        '<testcase classname="smoketest" name="passed test 1" /></testsuite></testsuites>\n'
    )


@pytest.mark.parametrize("report", [RUNNING, NOTHING_FOUND, ALL_SKIPPED, replace(ALL_SKIPPED, status=Status.CANCELLED)])
def test_never_green_by_accident(report):
    """What is no PASS has an error, also where no test is bad."""
    suites = junitparser.JUnitXml.fromstring(junit.render(report).encode())

    assert suites.errors == 1


def test_illegal_characters():
    """What XML may not hold is spelt out: colours of a terminal, NUL, half a character."""
    message = "\x1b[31mred\x1b[0m \x00 \udcff ￾ <&> \U0001f600"
    report = summarise(make_run(make_result("a.smoke.ATest.test_it", Outcome.FAILED, message=message)))

    (suite,) = junitparser.JUnitXml.fromstring(junit.render(report).encode())

    (case,) = suite
    assert case.result[0].message == "\\x1b[31mred\\x1b[0m \\x00 \\xdcff \\xfffe <&> \U0001f600"


def test_list():
    """In a list each run is a suite with one case."""
    assert cases_of(junit.render_list([REPORT, RUNNING])) == {
        ("smoketest", "run-1"): ["Error"],
        ("smoketest", "run-2"): ["Error"],
    }


def test_problem():
    """A request that got no report is an error, not a run of nothing."""
    assert cases_of(junit.render_problem(PROBLEM)) == {("smoketest", "Unauthorized"): ["Error"]}
