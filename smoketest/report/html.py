"""A report as a page for people: what went wrong first, then every test."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from xml.etree import ElementTree as ET

from smoketest.report.changes_html import changes
from smoketest.report.markup import element
from smoketest.report.page import REFRESH_SECONDS, page
from smoketest.report.problem import Problem
from smoketest.report.row_html import article, table_row, took
from smoketest.report.summary import Report
from smoketest.report.verdict import bad_rows
from smoketest.results import Outcome, Status

_TONES = {Status.PASS: "passed", Status.FAIL: "failed", Status.CANCELLED: "errored"}
_MARKS = {Status.PASS: "✓", Status.FAIL: "✗", Status.CANCELLED: "✗"}


def render(report: Report) -> str:
    """Return the report as a page; that of a run which goes on turns into the next by itself."""
    main = element("main", *_counts(report), *changes(report.comparison), *_bad(report), *_all(report))
    return page(
        title=f"{report.status}: smoke tests",
        header=_header(report),
        main=main,
        facts=_facts(report),
        refresh="" if report.status.is_finished else report.url,
    )


def render_list(reports: list[Report]) -> str:
    """Return a table of the runs."""
    rows = [_run_row(report) for report in reports]
    table = _table("Recent runs, newest first", ("Verdict", "Run", "Ended", "Took", "Release"), rows)
    return page(
        title="Recent runs: smoke tests",
        header=element("header", element("h1", "Recent runs of the smoke tests")),
        main=element("main", element("h2", "Newest first"), table if rows else element("p", "There is none.")),
        facts={},
    )


def render_problem(problem: Problem) -> str:
    """Return what went wrong with the request."""
    verdict = element("span", str(problem.status), class_="verdict errored")
    return page(
        title=f"{problem.title}: smoke tests",
        header=element("header", element("h1", verdict, f" {problem.title}")),
        main=element("main", element("p", problem.detail, class_="message")),
        facts={},
    )


def _header(report: Report) -> ET.Element:
    if report.status.is_finished:
        lead = report.reason or _ended(report)
    else:
        lead = f"{_ended(report)} so far; this page asks again every {REFRESH_SECONDS} seconds"
    heading = element("h1", _badge(report.status), " Smoke tests")
    return element("header", heading, element("p", f"{lead}.", class_="lead"))


def _badge(status: Status) -> ET.Element:
    mark = element("span", _MARKS.get(status, "…"), aria_hidden="true")
    return element("span", mark, f" {status}", class_=f"verdict {_TONES.get(status, 'waiting')}")


def _ended(report: Report) -> str:
    return f"{report.counts.ended} of {report.tests_total} tests ended in {took(report.seconds)}"


def _counts(report: Report) -> Iterator[ET.Element]:
    yield _bar(report)
    numbers = {outcome: getattr(report.counts, outcome) for outcome in Outcome}
    # Nought is nothing to worry about, so it has no colour.
    tiles = [_tile(outcome, number, tone=outcome if number else "") for outcome, number in numbers.items()]
    if not report.status.is_finished:
        tiles.append(_tile("to come", report.tests_total - report.counts.ended, tone="waiting"))
    if report.counts.timed_out:
        tiles.append(_tile("timed out", report.counts.timed_out, tone="errored"))
    yield element("dl", *tiles, class_="counts")


def _tile(name: str, number: int, *, tone: str) -> ET.Element:
    return element("div", element("dt", name), element("dd", str(number), class_=tone))


def _bar(report: Report) -> ET.Element:
    """Return the outcomes side by side; a style of its own would break the page's Content-Security-Policy."""
    bar = element("svg", class_="bar", aria_hidden="true", focusable="false")
    start = 0.0
    for outcome in Outcome:
        width = 100 * getattr(report.counts, outcome) / max(1, report.tests_total)
        bar.append(element("rect", class_=outcome, x=f"{start:.3f}%", width=f"{width:.3f}%", height="100%"))
        start += width
    return bar


def _bad(report: Report) -> Iterator[ET.Element]:
    rows = bad_rows(report)
    if rows and report.has_detail:
        articles = [article(row) for row in rows]
        yield element("section", element("h2", "What went wrong", id="bad"), *articles, aria_labelledby="bad")


def _all(report: Report) -> Iterator[ET.Element]:
    if not report.rows:
        return
    columns = ("Outcome", "Test", "Took")[: 3 if report.has_detail else 2]
    rows = [table_row(row, has_detail=report.has_detail) for row in report.rows]
    title = "Every test" if report.has_detail else "Tests that did not pass"
    title = title if report.next_after is None else "What is new"
    heading = element("h2", title, id="tests")
    yield element("section", heading, _table(title, columns, rows), aria_labelledby="tests")


def _table(caption: str, columns: Iterable[str], rows: Iterable[ET.Element]) -> ET.Element:
    names = [element("th", name, scope="col", class_="number" if name == "Took" else "") for name in columns]
    head, body = element("thead", element("tr", *names)), element("tbody", *rows)
    return element("table", element("caption", caption), head, body)


def _facts(report: Report) -> dict[str, str]:
    return {
        "Run": report.run_id,
        "Release": report.release,
        "Host": report.host,
        "Started": _time(report.started_at),
        "Finished": _time(report.finished_at),
        "Classes": str(report.test_classes),
    }


def _run_row(report: Report) -> ET.Element:
    status = element("span", report.status, class_=f"ending {_TONES.get(report.status, 'waiting')}")
    run = element("a", element("code", report.run_id), href=report.url)
    return element(
        "tr",
        element("td", status),
        element("th", run, element("div", _time(report.started_at), class_="dim"), scope="row"),
        element("td", f"{report.counts.ended} of {report.tests_total}"),
        element("td", took(report.seconds), class_="number"),
        element("td", element("code", report.release)),
    )


def _time(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S %Z") if moment else ""
