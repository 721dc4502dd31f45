"""The HTTP endpoints: they translate between requests and `runs`, and decide nothing else."""

import math
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import get_script_prefix, reverse
from django.utils.cache import get_conditional_response
from django.views import View

from smoketest import access, asked, conf, last_run, latest, refusals, runs
from smoketest.errors import QueueUnavailableError, SmokeTestError, TooManyRunsError
from smoketest.report.formats import OPENMETRICS, TEXT, Format
from smoketest.report.openmetrics import Gauge, expose, gauges_of
from smoketest.report.problem import Problem
from smoketest.report.summary import Report, for_stranger
from smoketest.results import Status

_RETRY_AFTER_SECONDS = "1"


class _SmokeView(View):
    """What all endpoints have in common: the door, the format, the errors."""

    request: HttpRequest
    conf: conf.Conf
    format: Format = TEXT
    is_for_everybody = False
    is_probe = False
    """Whether it came past the project's middleware: then only a token is believed."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer in the format asked for, errors too."""
        try:
            self.format = asked.format_of(request)
            self.conf = conf.current()
            # Django raises where SECRET_KEY is empty: what is kept has names that nobody can guess without it.
            is_open = bool(settings.SECRET_KEY) and self._is_open()
            response = super().dispatch(request, *args, **kwargs) if is_open else self._refusal(request)
        except (SmokeTestError, ImproperlyConfigured) as error:
            response = self._problem(refusals.problem_of(error, is_stranger=not self._is_known()))
            if isinstance(error, TooManyRunsError):
                response.headers["Retry-After"] = str(math.ceil(error.after_seconds))
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Vary", "Accept")
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        # A failing probe every few seconds must not mail ADMINS each time: https://code.djangoproject.com/ticket/23593
        response._has_been_logged = True  # type: ignore[attr-defined] # noqa: SLF001
        if request.method == "HEAD":
            _leave_out_body(response)
        return response

    def http_method_not_allowed(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
        """Answer 405 in the format asked for."""
        allowed = ", ".join(self._allowed_methods())  # type: ignore[attr-defined]
        detail = f"{request.method} is not allowed here; use {allowed}"
        response = self._problem(Problem(status=405, title="Method Not Allowed", detail=detail))
        response.headers["Allow"] = allowed
        return response

    @cached_property
    def key(self) -> access.Key | None:
        """What lets the caller see everything; asked for once, since the project's function may take its time."""
        if self.is_probe:
            return access.Key.TOKEN if access.has_token(self.request, self.conf) else None
        return access.key_of(self.request, self.conf)

    def _is_open(self) -> bool:
        return self.is_for_everybody or self.conf.public or self.key is not None

    def _is_known(self) -> bool:
        # Without settings that can be used nobody is known by them.
        return self.key is not None if hasattr(self, "conf") else settings.DEBUG

    def _refusal(self, request: HttpRequest) -> HttpResponse:
        if access.sent_credentials(request):
            return self._forbidden(f"these credentials are not known; {access.HOW_TO_GET_IN}")
        response = self._problem(Problem(status=401, title="Unauthorized", detail=access.HOW_TO_GET_IN))
        response.headers["WWW-Authenticate"] = 'Bearer realm="smoketest"'
        return response

    def _forbidden(self, detail: str) -> HttpResponse:
        return self._problem(Problem(status=403, title="Forbidden", detail=detail))

    def _problem(self, problem: Problem) -> HttpResponse:
        return self._respond(self.format.render_problem(problem), problem.status, self.format.problem_type)

    def _respond(self, body: str, status: int, content_type: str = "") -> HttpResponse:
        return HttpResponse(
            # Not all that Python calls text can be sent: a file's name may hold half a character.
            body.encode("utf-8", "backslashreplace"),
            status=status,
            content_type=f"{content_type or self.format.content_type}; charset=utf-8",
            headers=dict(self.format.headers),
        )

    def _answer(self, request: HttpRequest, report: Report) -> HttpResponse:
        if report.run_id and not report.url:
            report = replace(report, url=self._url_of(request, report.run_id))
        if not self.key:
            report = for_stranger(report)
        response = self._respond(self.format.render(report), self._status(report.status))
        if not report.status.is_finished:
            response.headers["Location"] = report.url
            response.headers["Retry-After"] = _RETRY_AFTER_SECONDS
        return response

    def _status(self, status: Status) -> int:
        if not status.is_finished:
            return 202
        return 200 if status is Status.PASS else self.conf.fail_status

    def _url_of(self, request: HttpRequest, run_id: str) -> str:
        match = request.resolver_match
        namespace = match.namespace if match and match.namespace else "smoketest"
        return request.build_absolute_uri(reverse(f"{namespace}:run", args=[run_id]))


class FastView(_SmokeView):
    """Runs the fast tests inline, for a monitor."""

    is_for_everybody = True

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer PASS or FAIL."""
        selection = asked.selection_of(request)
        report, age_seconds = runs.run_here(selection, self.conf, script_prefix=get_script_prefix())
        response = self._answer(request, report)
        if age_seconds:
            response.headers["Age"] = str(int(age_seconds))
        return response


class SlowView(_SmokeView):
    """Starts a queued run of all tests, for a deploy."""

    http_method_names = ["get", "post", "options"]  # noqa: RUF012 (View's own; without HEAD: that starts nothing)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Answer 202 and where to poll, or the final report if it is there within `wait`."""
        if not (self.conf.public or access.may_act(request, self.key)):
            return self._forbidden(access.HOW_TO_ACT)
        seconds = asked.wait_of(request, self.conf)
        report = runs.start(asked.order_of(request), self.conf)
        url = self._url_of(request, report.run_id)
        if seconds and not report.status.is_finished:
            _let_go_of_databases()
            run = runs.wait(report.run_id, seconds, self.conf, is_new=True)
            report = runs.report_of(run, self.conf, url=url)
        else:
            report = replace(report, url=url)
        response = self._answer(request, report)
        response.headers["Location"] = url
        return response

    get = post


class RunView(_SmokeView):
    """Shows one queued run."""

    def _url_of(self, request: HttpRequest, run_id: str) -> str:  # noqa: ARG002 (it is that run's)
        # To look up where it is would cost as much as a tenth of a poll.
        return request.build_absolute_uri(request.path)

    def get(self, request: HttpRequest, run_id: str) -> HttpResponseBase:
        """Answer 202 and the progress while it goes on, then the final report."""
        seconds, after = asked.wait_of(request, self.conf), asked.after_of(request)
        if seconds:
            _let_go_of_databases()
        run = runs.wait(run_id, seconds, self.conf)
        stage = f"{int(bool(run.started_at))}{int(bool(run.finished_at))}"
        ended = f"{run.counts.ended}-{run.tests_kept}"  # of a finished run Redis may lose results
        etag = f'"{run_id}-{stage}-{ended}-{after}-{self.format.name}-{int(bool(self.key))}"'
        is_conditional = "HTTP_IF_NONE_MATCH" in request.META or "HTTP_IF_MATCH" in request.META
        response = get_conditional_response(request, etag=etag) if is_conditional else None
        if response is None:
            url = self._url_of(request, run_id)
            response = self._answer(request, runs.report_of(run, self.conf, after=after, url=url))
        response.headers["ETag"] = etag
        return response

    def delete(self, request: HttpRequest, run_id: str) -> HttpResponse:
        """Cancel the run and answer with its report; not for strangers, also where they may look."""
        if not self.key:
            return self._refusal(request)
        if not access.may_act(request, self.key):
            return self._forbidden(access.HOW_TO_ACT)
        return self._answer(request, runs.cancel(run_id, self.conf))


class RunsView(_SmokeView):
    """Lists the recent queued runs, newest first; not for strangers, to whom an id is a secret."""

    def _is_open(self) -> bool:
        return self.key is not None

    def get(self, request: HttpRequest) -> HttpResponse:
        """Answer one line, or one object, a run."""
        reports = [replace(each, url=self._url_of(request, each.run_id)) for each in runs.recent(self.conf)]
        return self._respond(self.format.render_list(reports), 200)


class MetricsView(_SmokeView):
    """Serves the last verdicts to Prometheus, and starts nothing."""

    is_for_everybody = True

    def get(self, _request: HttpRequest) -> HttpResponse:
        """Answer 200 whatever the verdicts are: a scraper takes nothing from another answer."""
        self.format = OPENMETRICS
        if not self.format.is_available:
            return self._problem(Problem(status=500, title="Improperly Configured", detail=self.format.how_to_get_it))
        gauges: list[Gauge] = []
        reports = [report for report in (latest.load(),) if report]
        if self.conf.public or self.key:
            is_up, slow = self._slow()
            reports += slow
            gauges.append(Gauge(name="store_up", help="1 if Redis answered, else 0", samples=[({}, is_up)]))
        shown = reports if self.key else [for_stranger(report) for report in reports]
        return self._respond(expose([*gauges_of(shown), *gauges]), 200)

    def _slow(self) -> tuple[bool, list[Report]]:
        try:
            report = last_run.latest_finished(self.conf)
        except QueueUnavailableError:
            return False, []
        return True, [report] if report else []


def _leave_out_body(response: HttpResponseBase) -> None:
    """Keep the headers alone: gunicorn drops a body that HEAD must not have, but warns in the log each time."""
    if isinstance(response, HttpResponse) and response.content:
        response.headers["Content-Length"] = str(len(response.content))
        response.content = b""


def _let_go_of_databases() -> None:
    """Close what the project's middleware may have opened: a request that waits should hold no connection."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close()
