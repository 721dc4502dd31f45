"""The frame of every HTML page: one document that fetches nothing and runs nothing."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from smoketest.report.markup import element

REFRESH_SECONDS = 2

_STYLE = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    # A run's id is as good as a key to it where SMOKETEST_PUBLIC is set.
    "Referrer-Policy": "no-referrer",
}


def page(*, title: str, header: ET.Element, main: ET.Element, facts: Mapping[str, str], refresh: str = "") -> str:
    """Return a document; with an address in `refresh` the browser soon goes there, again and again."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="robots", content="noindex"),
        element("title", title),
    )
    if refresh:
        head.append(element("meta", http_equiv="refresh", content=f"{REFRESH_SECONDS}; url={refresh}"))
    head.append(_style())
    body = element("body", header, main)
    terms = [child for name, value in facts.items() if value for child in (element("dt", name), element("dd", value))]
    if terms:
        body.append(element("footer", element("dl", *terms)))
    document = element("html", head, body, lang="en")
    return f"<!DOCTYPE html>\n{ET.tostring(document, encoding='unicode', method='html')}\n"


def _style() -> ET.Element:
    style = ET.Element("style")
    style.text = _STYLE  # to the letter: the hash is of this text
    return style
