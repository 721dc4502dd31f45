"""The app's URLs as a pipeline sees them: each answer is a report, a reason to ask again, or a reason to stop."""

from dataclasses import dataclass
from urllib.parse import urlencode, urljoin, urlsplit

from smoketest.client.endings import EndedError, ExitCode, NotYetError
from smoketest.client.http import Answer, Http
from smoketest.progress.lines import first_line

ANSWER_SECONDS = 15.0
"""How long an answer may take that need not wait for anything."""
_REPORT_SECONDS = 60.0
"""How long the report of a large run may take to come over a slow line."""
_FINAL = {400, 404, 405, 410}
"""What smoketest answers with these will not change."""
_REFUSED = {401, 403}
_WRONG_RELEASE = 409


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """A project that serves smoketest's URLs."""

    http: Http
    url: str
    """Of the slow runs, and in its query what is run."""
    release: str = ""
    """The only one whose verdict counts; empty: any."""

    def fire(self, key: str) -> Answer:
        """Start a run and return its first report; repeated with the same key it is the same run.

        Raises NotYetError while the app is not there, or is of another release: then nothing was started.
        """
        url = with_query(self.url, release=self.release) if self.release else self.url
        # https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
        answer = self.http.ask("POST", url, seconds=ANSWER_SECONDS, headers={"Idempotency-Key": f'"{key}"'})
        if not answer.report:
            raise _reason(answer, is_right_release=not self.release)
        # A stranger is not told the release; then it counts that the app has taken the order.
        release = answer.report.get("release", self.release)
        if self.release and release != self.release:
            self.cancel(answer.report["run_id"])
            raise EndedError(ExitCode.WRONG_RELEASE, f"the run is about another release: {release}")
        return answer

    def look(self, run_id: str, wait_seconds: float) -> Answer:
        """Return the report of a run as soon as it has finished, or as it stands after a while."""
        url = with_query(self._run_url(run_id), wait=f"{wait_seconds:.1f}")
        return _reported(self.http.ask("GET", url, seconds=wait_seconds + ANSWER_SECONDS))

    def cancel(self, run_id: str) -> Answer:
        """End the run and return its report."""
        return _reported(self.http.ask("DELETE", self._run_url(run_id), seconds=ANSWER_SECONDS))

    def show(self, run_id: str, format_name: str, *, status: int) -> str:
        """Return the report of a finished run, which is answered with `status`, in one of the app's formats."""
        url = with_query(self._run_url(run_id), format=format_name)
        answer = self.http.ask("GET", url, seconds=_REPORT_SECONDS, headers={"Accept": "application/json, */*"})
        if answer.status in _FINAL:
            raise EndedError(ExitCode.COULD_NOT_RUN, first_line(answer.text))
        if answer.status != status:
            raise _reason(answer, is_right_release=True)
        return answer.text

    def _run_url(self, run_id: str) -> str:
        """Return the run's URL on the same way that leads to the app from here: it may know itself by another name."""
        return urljoin(self.url, f"../runs/{run_id}/")


def with_query(url: str, **words: str) -> str:
    """Return the URL with more words in its query."""
    parts = urlsplit(url)
    return parts._replace(query="&".join(filter(None, (parts.query, urlencode(words))))).geturl()


def _reported(answer: Answer) -> Answer:
    if not answer.report:
        raise _reason(answer, is_right_release=True)
    return answer


def _reason(answer: Answer, *, is_right_release: bool) -> Exception:
    """Return why there is no report, and whether there may be one later."""
    problem = answer.problem
    if not problem:  # whoever has answered for the app
        return NotYetError(f"the app answers with HTTP {answer.status}", after_seconds=answer.retry_after_seconds)
    reason = f"{problem['title']}: {problem['detail']}"
    if answer.status == _WRONG_RELEASE:
        return NotYetError(reason, exit_code=ExitCode.WRONG_RELEASE)
    if problem["title"] == "Nothing Selected":
        return EndedError(ExitCode.NO_TESTS, reason)
    # A release that is still to go may know another token.
    if answer.status in _FINAL or (answer.status in _REFUSED and is_right_release):
        return EndedError(ExitCode.COULD_NOT_RUN, reason)
    return NotYetError(reason, after_seconds=answer.retry_after_seconds)
