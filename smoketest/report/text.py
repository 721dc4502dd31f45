"""A report as text."""

from collections.abc import Iterator
from textwrap import indent

from smoketest.legible import legible
from smoketest.report.comparison import Comparison
from smoketest.report.summary import Report, Row
from smoketest.report.verdict import bad_rows

_MOST_NAMED = 20
"""Of each change; JSON has them all."""


def render(report: Report) -> str:
    """Return the report as text; its first word is the verdict and its first seven lines never change."""
    return legible("\n".join((*_head(report), *_progress(report), *_body(report))) + "\n")


def render_list(reports: list[Report]) -> str:
    """Return a line for each run: its verdict, start, progress, release and address."""
    return legible("".join(f"{_line(report)}\n" for report in reports))


def _line(report: Report) -> str:
    started = report.started_at.isoformat(timespec="seconds") if report.started_at else "-"
    return f"{report.status} {started} {report.counts.ended}/{report.tests_total} {report.release or '-'} {report.url}"


def _head(report: Report) -> Iterator[str]:
    counts = report.counts
    yield report.status
    yield f"test classes: {report.test_classes}"
    yield f"tests run: {counts.run}"
    yield f"tests passed: {counts.passed}"
    yield f"tests failed: {counts.failed}"
    yield f"tests errored: {counts.errored}"
    yield f"time: {report.seconds * 1000:.8f}ms"
    if counts.skipped:
        yield f"tests skipped: {counts.skipped}"
    if counts.timed_out:
        yield f"tests timed out: {counts.timed_out}"
    yield from _news(report)


def _news(report: Report) -> Iterator[str]:
    comparison = report.comparison
    if comparison is None or comparison.tests_total is None:
        return
    if comparison.release:
        yield f"compared with: {comparison.release}"
    for name, ids in _changes(comparison):
        if ids:
            yield f"tests {name}: {len(ids)}"
    if comparison.gone:
        yield f"tests gone: {len(comparison.gone)} ({comparison.tests_total} → {report.tests_total})"


def _changes(comparison: Comparison) -> Iterator[tuple[str, tuple[str, ...]]]:
    yield "newly failing", comparison.newly_failing
    yield "still failing", comparison.still_failing
    yield "fixed", comparison.fixed


def _progress(report: Report) -> Iterator[str]:
    if not report.status.is_finished:
        yield f"tests total: {report.tests_total}"
        yield f"run: {report.run_id}"
        if report.url:  # a command does not know it
            yield f"poll: {report.url}"


def _body(report: Report) -> Iterator[str]:
    if report.status.is_finished and report.reason:
        yield from ("", report.reason)
    bad = bad_rows(report)
    if bad:
        yield ""
    for row in bad:
        yield f"{row.step.id} {row.result.outcome}"
        yield from _detail(row)
    yield from _named_news(report)


def _named_news(report: Report) -> Iterator[str]:
    comparison = report.comparison
    if comparison is None or comparison.tests_total is None:
        return
    for name, ids in (*_changes(comparison), ("gone", comparison.gone)):
        if ids:
            yield from ("", f"{name}:")
            yield from (f"    {test_id}" for test_id in ids[:_MOST_NAMED])
        if len(ids) > _MOST_NAMED:
            yield f"    and {len(ids) - _MOST_NAMED} more"


def _detail(row: Row) -> Iterator[str]:
    result = row.result
    texts = [result.message, result.traceback]
    texts += [f"{name}:\n{text}" for name, text in _kept(row) if text]
    for text in texts:
        if text.strip():
            yield indent(legible(text).rstrip("\n"), "    ")


def _kept(row: Row) -> Iterator[tuple[str, str]]:
    result = row.result
    yield "stdout", result.stdout
    yield "stderr", result.stderr
    yield "logs", result.logs
    yield "warnings", "\n".join(result.warnings)
