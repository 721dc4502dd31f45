"""What is asked of every answer, beside schemathesis' own checks; schemathesis loads it by SCHEMATHESIS_HOOKS."""

import schemathesis

_HEADERS = {"Cache-Control": "no-store", "Vary": "Accept", "X-Content-Type-Options": "nosniff"}


@schemathesis.check
def five_hundred_is_ours(_ctx, response, _case):
    """A 5xx is a report or says what is wrong; the framework's own page has none of these headers."""
    if response.status_code >= 500:
        for name, value in _HEADERS.items():
            assert response.headers.get(name.lower(), [""])[0] == value, name


@schemathesis.check
def refuses_for_a_reason(_ctx, response, case):
    """What the description allows is refused for one reason alone: that there is no such test."""
    is_valid = case.meta and case.meta.generation.mode.is_positive
    if is_valid and response.status_code == 400 and response.request.method != "HEAD":
        assert "Nothing Selected" in response.text
