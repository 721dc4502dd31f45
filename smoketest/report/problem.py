"""A request that got no report, as text and as JSON; the other formats have theirs beside their reports."""

import json
from dataclasses import dataclass

from smoketest.legible import legible


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """A request that got no report: an HTTP status, its name, and what to do about it."""

    status: int
    title: str
    detail: str


def render_text(problem: Problem) -> str:
    """Return the problem as one line."""
    return legible(f"{problem.title}: {problem.detail}\n")


def render_json(problem: Problem) -> str:
    """Return the problem in the words of https://www.rfc-editor.org/rfc/rfc9457."""
    values = {"type": "about:blank", "title": problem.title, "status": problem.status, "detail": problem.detail}
    return json.dumps(values, ensure_ascii=False) + "\n"
