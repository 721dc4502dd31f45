"""Which format an Accept header gets."""

import pytest

from smoketest.report import formats
from smoketest.report.negotiate import negotiate


@pytest.mark.parametrize(
    ("accept", "name"),
    [
        # None, anything, nothing known, nothing that can be understood: text.
        ("", "text"),
        ("*/*", "text"),
        ("*", "text"),
        ("image/png", "text"),
        (";;;,,q=x/;", "text"),
        ("\x00\xff/", "text"),
        ("/json", "text"),
        ("application/json;q=0", "text"),
        ("text/*", "text"),
        # What monitors and libraries send.
        ("application/json", "json"),
        ("APPLICATION/JSON", "json"),
        ("application/json; charset=utf-8", "json"),
        ("application/json, text/plain, */*", "json"),
        ("application/json, text/javascript, */*; q=0.01", "json"),
        ("application/*", "json"),
        ("application/health+json", "health"),
        ("application/health+json, application/json;q=0.9", "health"),
        ("text/xml", "junit"),
        ("application/xml", "junit"),
        ("application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", "openmetrics"),
        # What browsers send, old ones too.
        ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", "html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("text/html, application/xhtml+xml, image/jxr, */*", "html"),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "html"),
        # Qualities, where the closest name decides.
        ("application/json;q=0.1, text/plain;q=0.9", "text"),
        ("text/plain;q=0.1, text/html;q=0.2", "html"),
        ("text/plain, text/html", "text"),
        ("text/html, text/plain", "html"),
        ("text/plain;q=0, text/*", "html"),
        ("text/plain;q=0, */*", "json"),
        ("application/json;q=0.5;x=y, text/html;q=0.4", "json"),
        # Odd qualities count as not said.
        ("application/json;q=high", "json"),
        ("application/json;q=nan", "json"),
        ("application/json;q=-1", "json"),
        ("application/json;q=1e999", "json"),
        ("application/json;q=", "json"),
        ("text/html; a*=nothing''known", "html"),
    ],
)
def test_negotiate(accept, name):
    """The type that is liked best wins; text is for what says nothing."""
    assert negotiate(accept).name == name


def test_what_is_not_installed(monkeypatch):
    """A format whose library is missing is never chosen by a header."""
    monkeypatch.setattr(formats, "find_spec", lambda _name: None)

    assert negotiate("application/openmetrics-text").name == "text"
