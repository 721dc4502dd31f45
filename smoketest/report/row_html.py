"""One test on the page of a report."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from smoketest.report.markup import element
from smoketest.report.summary import Row
from smoketest.report.verdict import ending_of


def article(row: Row) -> ET.Element:
    """Return a bad test with all that is kept of it; its traceback is open."""
    made = element(
        "article",
        element("h3", element("code", *_broken(row.step.id))),
        element("p", ending_of(row), class_="ending"),
        class_=row.result.outcome,
        id=f"test-{row.step.id}",
    )
    if row.result.message:
        made.append(element("p", row.result.message, class_="message"))
    if row.result.traceback:
        made.append(_folded("Traceback", element("pre", row.result.traceback), is_open=True))
    made.extend(_kept(row))
    made.append(element("p", _circumstances(row), class_="circumstances"))
    return made


def table_row(row: Row, *, has_detail: bool) -> ET.Element:
    """Return a test in one line, with a link to its article where it has one."""
    result = row.result
    name = element("code", *_broken(row.step.id))
    if has_detail and not result.outcome.is_ok:
        test = element("th", element("a", name, href=f"#test-{row.step.id}"), scope="row")
    else:
        message = [element("div", result.message, class_="message dim")] if result.message else []
        test = element("th", name, *message, *_kept(row), scope="row")
    cells = [element("td", element("span", ending_of(row), class_=f"ending {result.outcome}")), test]
    if has_detail:
        cells.append(element("td", took(result.duration_seconds), class_="number"))
    return element("tr", *cells)


def took(seconds: float | None) -> str:
    """Return a duration for people: `0.42 ms`, `125 ms`, `3.3 s`."""
    if seconds is None:
        return ""
    return f"{seconds:.3g} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def _kept(row: Row) -> Iterator[ET.Element]:
    result = row.result
    texts = {
        "Output": result.stdout,
        "Errors": result.stderr,
        "Logs": result.logs,
        "Warnings": "\n".join(result.warnings),
    }
    for name, text in texts.items():
        if text.strip():
            yield _folded(name, element("pre", text))


def _folded(name: str, content: ET.Element, *, is_open: bool = False) -> ET.Element:
    folded = element("details", element("summary", name), content)
    if is_open:
        folded.set("open", "")
    return folded


def _circumstances(row: Row) -> str:
    step, result = row.step, row.result
    told = [
        f"took {took(result.duration_seconds)}" if result.duration_seconds is not None else "",
        f"waited {took(result.waited_seconds)}" if result.waited_seconds is not None else "",
        f"limit {took(step.timeout_seconds)}",
        "slow" if step.is_slow else "",
        *(f"#{tag}" for tag in step.tags),
        f"on {result.host}" if result.host else "",
        f"process {result.pid}" if result.pid else "",
        f"release {result.release}" if result.release else "",
    ]
    return " · ".join(filter(None, told))


def _broken(test_id: str) -> Iterator[ET.Element | str]:
    """Yield the id with places where a line may break."""
    first, *others = test_id.split(".")
    yield first
    for part in others:
        yield "."
        yield element("wbr")
        yield part
