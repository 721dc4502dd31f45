"""The fast tests as a Nagios plugin has them: one line and an exit code."""

import re
from http import HTTPStatus

from smoketest.client.app import with_query
from smoketest.client.endings import EndedError, NotYetError
from smoketest.client.http import Http

_EXIT_CODES = {"OK": 0, "CRITICAL": 2, "UNKNOWN": 3}
UNKNOWN = _EXIT_CODES["UNKNOWN"]
_STATE = re.compile(r"SMOKETEST (OK|CRITICAL|UNKNOWN)\b")
_SERVER_ERRORS = 500


def check(http: Http, url: str, *, seconds: float) -> tuple[str, int]:
    """Return the line to print and the plugin's exit code; an app that does not answer is CRITICAL."""
    try:
        answer = http.ask("GET", with_query(url, format="nagios"), seconds=seconds, headers={"Accept": "text/plain"})
    except NotYetError as error:
        return _said("CRITICAL", str(error))
    except EndedError as error:
        return _said("UNKNOWN", str(error))
    line = answer.text.partition("\n")[0]
    state = _STATE.match(line)
    if state and (state[1] != "OK" or answer.status == HTTPStatus.OK):
        return line, _EXIT_CODES[state[1]]
    state_name = "CRITICAL" if answer.status >= _SERVER_ERRORS else "UNKNOWN"
    return _said(state_name, f"the app answers with HTTP {answer.status} and no report")


def _said(state: str, why: str) -> tuple[str, int]:
    return f"SMOKETEST {state} - {' '.join(why.split()).replace('|', '¦')}", _EXIT_CODES[state]
