"""The table of formats: name, media types, how a report, a list of them and an error are rendered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec

from smoketest.report import github, health, html, json, junit, nagios, openmetrics, page, problem, tap, text
from smoketest.report.problem import Problem
from smoketest.report.summary import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class Format:
    """One way to show a report."""

    name: str
    content_type: str
    render: Callable[[Report], str]
    render_list: Callable[[list[Report]], str]
    render_problem: Callable[[Problem], str]
    problem_type: str = ""
    """The content type of a problem, where it is another."""
    accepts: tuple[str, ...] = ()
    """The media types by which an Accept header may ask for it; without any it is asked for by its name alone."""
    headers: Mapping[str, str] = field(default_factory=dict)
    needs: str = ""
    """A module that must be installed."""
    extra: str = ""
    """The extra of this package that brings it."""

    @property
    def is_available(self) -> bool:
        """Tell whether what it needs is installed."""
        return not self.needs or find_spec(self.needs) is not None

    @property
    def how_to_get_it(self) -> str:
        """Tell what to install where it is not available."""
        return f"it needs {self.needs}; python -m pip install 'django-smoketest[{self.extra}]'"


TEXT = Format(
    name="text",
    content_type="text/plain",
    accepts=("text/plain",),
    render=text.render,
    render_list=text.render_list,
    render_problem=problem.render_text,
)
JSON = Format(
    name="json",
    content_type="application/json",
    accepts=("application/json",),
    render=json.render,
    render_list=json.render_list,
    problem_type="application/problem+json",
    render_problem=problem.render_json,
)
HTML = Format(
    name="html",
    content_type="text/html",
    accepts=("text/html", "application/xhtml+xml"),
    headers=page.HEADERS,
    render=html.render,
    render_list=html.render_list,
    render_problem=html.render_problem,
)
HEALTH = Format(
    name="health",
    content_type="application/health+json",
    accepts=("application/health+json",),
    render=health.render,
    render_list=health.render_list,
    problem_type="application/problem+json",
    render_problem=problem.render_json,
)
JUNIT = Format(
    name="junit",
    content_type="application/xml",
    accepts=("application/xml", "text/xml"),
    render=junit.render,
    render_list=junit.render_list,
    render_problem=junit.render_problem,
)
OPENMETRICS = Format(
    name="openmetrics",
    content_type="application/openmetrics-text; version=1.0.0",
    accepts=("application/openmetrics-text",),
    needs="prometheus_client",
    extra="metrics",
    render=openmetrics.render,
    render_list=openmetrics.render_list,
    problem_type="text/plain",
    render_problem=problem.render_text,
)
TAP = Format(
    name="tap",
    content_type="text/plain",
    render=tap.render,
    render_list=tap.render_list,
    render_problem=tap.render_problem,
)
NAGIOS = Format(
    name="nagios",
    content_type="text/plain",
    render=nagios.render,
    render_list=nagios.render_list,
    render_problem=nagios.render_problem,
)
GITHUB = Format(
    name="github",
    content_type="text/plain",
    render=github.render,
    render_list=github.render_list,
    render_problem=github.render_problem,
)
# In this order: of what an Accept header likes alike, the first is taken.
FORMATS = {each.name: each for each in (TEXT, JSON, HTML, HEALTH, JUNIT, OPENMETRICS, TAP, NAGIOS, GITHUB)}
