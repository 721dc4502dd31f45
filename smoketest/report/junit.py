"""A report as JUnit XML, for the test tabs of Jenkins, GitLab, GitHub and their like."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from xml.etree import ElementTree as ET

from smoketest.report.comparison import Comparison
from smoketest.report.markup import element
from smoketest.report.problem import Problem
from smoketest.report.summary import Report, Row
from smoketest.report.verdict import complaint, in_one_line, unnamed_passes
from smoketest.results import Outcome, Status

_NAME = "smoketest"
_TAGS = {Outcome.FAILED: "failure", Outcome.ERRORED: "error", Outcome.SKIPPED: "skipped"}


def render(report: Report) -> str:
    """Return the report as one test suite; what has no name to show still counts as a case."""
    return _document([_suite(report, report.run_id or _NAME, _cases(report))])


def render_list(reports: list[Report]) -> str:
    """Return a suite for each run, with one case that stands for it."""
    return _document(_suite(report, report.run_id, [_case_of_run(report)]) for report in reports)


def render_problem(problem: Problem) -> str:
    """Return the problem as one errored case, so that no viewer takes it for a run of nothing."""
    suite = element("testsuite", name=_NAME, tests="1", failures="0", errors="1", skipped="0")
    suite.append(_bad_case(_NAME, problem.title, f"{problem.title}: {problem.detail}"))
    return _document([suite])


def _document(suites: Iterable[ET.Element]) -> str:
    root = element("testsuites", name=_NAME)
    root.extend(suites)
    for name in ("tests", "failures", "errors"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(report: Report, name: str, cases: Iterable[ET.Element]) -> ET.Element:
    suite = element(
        "testsuite",
        name=name,
        time=f"{report.seconds:.3f}",
        timestamp=_time(report.started_at),
        hostname=report.host,
    )
    suite.append(_properties(report))
    suite.extend(cases)
    # Counted from what is there: viewers do so too, and a suite must not contradict its cases.
    suite.set("tests", str(len(suite.findall("testcase"))))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(len(suite.findall(f"testcase/{tag}"))))
    return suite


def _properties(report: Report) -> ET.Element:
    properties = element("properties")
    values = {"status": report.status, "release": report.release, "run": report.run_id, "url": report.url}
    values |= _news(report.comparison) if report.comparison else {}
    for name, value in values.items():
        if value:
            properties.append(element("property", name=name, value=value))
    return properties


def _news(comparison: Comparison) -> dict[str, str]:
    if comparison.tests_total is None:
        return {}
    return {
        "compared with": comparison.release,
        "newly failing": str(len(comparison.newly_failing)),
        "still failing": str(len(comparison.still_failing)),
        "fixed": str(len(comparison.fixed)),
        "gone": str(len(comparison.gone)),
    }


def _cases(report: Report) -> Iterator[ET.Element]:
    for row in report.rows:
        yield _case(row)
    for number in range(unnamed_passes(report)):
        yield element("testcase", classname=_NAME, name=f"passed test {number + 1}")
    if complaint(report):
        yield _bad_case(_NAME, "run", complaint(report))


def _case(row: Row) -> ET.Element:
    result, class_name = row.result, row.step.test_class or row.step.id
    case = element("testcase", classname=class_name, name=row.step.id.removeprefix(f"{class_name}."))
    if result.duration_seconds is not None:
        case.set("time", f"{result.duration_seconds:.3f}")
    if tag := _TAGS.get(result.outcome):
        kind = result.cause or result.outcome
        case.append(element(tag, result.traceback, type=kind, message=result.message))
    kept = "\n".join(filter(None, (result.stderr, result.logs, *result.warnings)))
    case.extend(element(tag, text) for tag, text in (("system-out", result.stdout), ("system-err", kept)) if text)
    return case


def _case_of_run(report: Report) -> ET.Element:
    if report.status is Status.PASS:
        return element("testcase", classname=_NAME, name=report.run_id, time=f"{report.seconds:.3f}")
    return _bad_case(_NAME, report.run_id, in_one_line(report))


def _bad_case(class_name: str, name: str, message: str) -> ET.Element:
    case = element("testcase", classname=class_name, name=name)
    case.append(element("error", type=_NAME, message=message))
    return case


def _time(moment: datetime | None) -> str:
    return moment.isoformat(timespec="milliseconds") if moment else ""
