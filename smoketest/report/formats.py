"""The table of formats: name, content type, how a report and an error are rendered."""

import json as stdlib_json
from collections.abc import Callable
from dataclasses import dataclass

from smoketest.report import json, text
from smoketest.report.summary import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A request that got no report: an HTTP status, its name, and what to do about it."""

    status: int
    title: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One way to show a report."""

    name: str
    content_type: str
    render: Callable[[Report], str]
    render_list: Callable[[list[Report]], str]
    problem_type: str
    render_problem: Callable[[Problem], str]


def _text_problem(problem: Problem) -> str:
    return f"{problem.title}: {problem.detail}\n"


def _json_problem(problem: Problem) -> str:
    # https://www.rfc-editor.org/rfc/rfc9457
    values = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": problem.detail}
    return stdlib_json.dumps(values, ensure_ascii=False) + "\n"


TEXT = Format(
    name="text",
    content_type="text/plain",
    render=text.render,
    render_list=text.render_list,
    problem_type="text/plain",
    render_problem=_text_problem,
)
JSON = Format(
    name="json",
    content_type="application/json",
    render=json.render,
    render_list=json.render_list,
    problem_type="application/problem+json",
    render_problem=_json_problem,
)
FORMATS = {each.name: each for each in (TEXT, JSON)}
