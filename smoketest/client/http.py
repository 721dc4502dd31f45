"""One request to the app, and what came back; on the standard library alone, so that nothing else is installed."""

import http.client
import json
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from smoketest.client.endings import EndedError, ExitCode, NotYetError
from smoketest.results import Status

_REPORT_KEYS = {"status": str, "tests_run": int, "tests_total": int, "run_id": str}
_PROBLEM_KEYS = {"status": int, "title": str, "detail": str}
_STATUSES = {str(each) for each in Status}
_MOST_RETRY_AFTER_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What the app, or somebody before it, has answered."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def report(self) -> dict[str, Any]:
        """The report that it is; empty if it is none."""
        values = self._values_with(_REPORT_KEYS)
        is_known = values.get("status") in _STATUSES
        # Green comes with 200 alone: what else says so has been kept by somebody between, or is none of ours.
        is_false = values.get("status") == Status.PASS and self.status != HTTPStatus.OK
        return values if is_known and not is_false else {}

    @property
    def problem(self) -> dict[str, Any]:
        """The reason why smoketest gave no report; empty if the answer is not smoketest's."""
        return self._values_with(_PROBLEM_KEYS)

    @property
    def retry_after_seconds(self) -> float:
        """For how long the app wants to be left alone."""
        word = self.headers.get("Retry-After", "")
        return min(float(word), _MOST_RETRY_AFTER_SECONDS) if word.isdecimal() else 0.0

    def _values_with(self, types: Mapping[str, type]) -> dict[str, Any]:
        try:
            values = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        is_one = isinstance(values, dict) and all(isinstance(values.get(key), kind) for key, kind in types.items())
        return values if is_one else {}


class Http:
    """Asks with a token, through the proxies of the environment, and follows no redirect: each would take it along."""

    def __init__(self, *, token: str, ca_file: str | None) -> None:
        """Take a token, empty for none, and whose certificates to trust, None for those the system trusts."""
        self._headers = {"User-Agent": "django-smoketest", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._opener = urllib.request.build_opener(_NoRedirects, urllib.request.HTTPSHandler(context=_context(ca_file)))

    def ask(self, method: str, url: str, *, seconds: float, headers: Mapping[str, str] | None = None) -> Answer:
        """Return the answer, whatever its status.

        Raises NotYetError when there is none, whole, after `seconds`, and EndedError when there never will be one.
        """
        request = urllib.request.Request(url, method=method, headers={**self._headers, **(headers or {})})  # noqa: S310
        try:
            answer = _within(seconds, lambda: self._open(request, seconds))
        except (OSError, http.client.HTTPException) as error:
            raise _no_answer(error) from None
        except ValueError as error:
            message = f"the app can't be asked: {error}"
            raise EndedError(ExitCode.COULD_NOT_RUN, message) from None
        if 300 <= answer.status < 400:  # noqa: PLR2004 (redirects)
            message = f"the app redirects to {answer.headers.get('Location', '?')}; ask there if you trust it"
            raise EndedError(ExitCode.COULD_NOT_RUN, message)
        return answer

    def _open(self, request: urllib.request.Request, seconds: float) -> Answer:
        try:
            with self._opener.open(request, timeout=seconds) as response:
                return _answer(response)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error)


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """Leave the redirect to be what is answered."""


def _context(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        message = f"the certificates of {ca_file} can't be used: {error}"
        raise EndedError(ExitCode.COULD_NOT_RUN, message) from None


def _within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """Return the answer, or raise TimeoutError: a socket's limit begins anew with each byte, and DNS knows none."""
    asked: Future[Answer] = Future()

    def work() -> None:
        try:
            asked.set_result(ask())
        except Exception as error:  # noqa: BLE001 (it is for whoever waits)
            asked.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    try:
        return asked.result(seconds)
    except TimeoutError:
        message = f"no whole answer within {seconds:g} s"
        raise TimeoutError(message) from None


def _answer(response: Any) -> Answer:
    text = response.read().decode("utf-8", "replace")
    return Answer(status=response.status, headers=response.headers, text=text)


def _no_answer(error: Exception) -> Exception:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        message = f"the app's certificate is not trusted: {reason.verify_message}; see --ca-file"
        return EndedError(ExitCode.COULD_NOT_RUN, message)
    return NotYetError(f"the app does not answer: {reason or type(error).__name__}")
