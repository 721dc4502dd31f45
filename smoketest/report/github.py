"""A report as annotations of a GitHub workflow, to be printed by one of its steps."""

import re
from collections.abc import Iterator

from smoketest.legible import legal
from smoketest.report.problem import Problem
from smoketest.report.summary import Report, Row
from smoketest.report.verdict import bad_rows, complaint, ending_of, in_one_line
from smoketest.results import Status

_FRAME = re.compile(r'^ +File "(?P<file>[^"\n]+)", line (?P<line>\d+), in (?P<function>\S+)', re.MULTILINE)


def render(report: Report) -> str:
    """Return an error for each bad test, a warning for each that left something behind, and the verdict."""
    return "".join(f"{command}\n" for command in _commands(report))


def render_list(reports: list[Report]) -> str:
    """Return an annotation for each run."""
    return "".join(f"{_of_run(report)}\n" for report in reports)


def render_problem(problem: Problem) -> str:
    """Return the problem as an error."""
    return _command("error", problem.detail, title=problem.title) + "\n"


def _commands(report: Report) -> Iterator[str]:
    # GitHub shows ten of a kind for each step, so the worst come first.
    for row in bad_rows(report):
        text = "\n".join(filter(None, (row.result.message, row.result.traceback))) or ending_of(row)
        yield _command("error", text, **_place(row), title=f"{row.step.id} {ending_of(row)}")
    for row in report.rows:
        for warning in row.result.warnings:
            yield _command("warning", warning, title=row.step.id)
    if complaint(report):
        yield _command("error", complaint(report), title="smoketest")
    else:
        yield _command("notice", in_one_line(report), title="smoketest")


def _of_run(report: Report) -> str:
    bad = "error" if report.status.is_finished else "warning"
    return _command("notice" if report.status is Status.PASS else bad, in_one_line(report), title=report.run_id)


def _place(row: Row) -> dict[str, str]:
    """Return where the test itself stood when it went wrong, or else the innermost place that is known."""
    frames = list(_FRAME.finditer(row.result.traceback))
    method = row.step.id.partition("@")[0].rpartition(".")[2]
    own = [frame for frame in frames if frame["function"] == method]
    return {name: frame[name] for frame in (own or frames)[-1:] for name in ("file", "line")}


def _command(name: str, text: str, **properties: str) -> str:
    told = ",".join(f"{key}={_escaped(value, also=':,')}" for key, value in properties.items())
    return f"::{name} {told}::{_escaped(text.strip())}"


def _escaped(text: str, also: str = "") -> str:
    """Return `text` in one line; by https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts."""
    return "".join(f"%{ord(each):02X}" if each in "%\r\n" + also else each for each in legal(text))
