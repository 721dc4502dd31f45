"""The ways in which a secret may come to stand in a text."""

import base64
import json
import re
from html import escape
from urllib.parse import quote, quote_plus

_LEAST_IN_BASE64 = 6
_LEAST_IN_LINE = 12
"""A shorter line of a secret with many lines says nothing."""


def spellings(secret: str) -> set[str]:
    """Return the secret as it is, and as the usual ways of writing it down spell it."""
    found = set()
    for part in (secret, *_lines(secret), *_parts_in_url(secret)):
        found |= _quoted(part)
        if len(part.encode("utf-8", "replace")) >= _LEAST_IN_BASE64:
            found |= _in_base64(part.encode("utf-8", "replace")) | _in_hex(part.encode("utf-8", "replace"))
    return found


def _lines(secret: str) -> list[str]:
    """Return the lines of one that has many: each is told alone where the lines are numbered, indented or compared."""
    lines = [line.strip() for line in secret.splitlines()]
    return [line for line in lines if len(line) >= _LEAST_IN_LINE and line != secret and not line.startswith("-----")]


def _parts_in_url(secret: str) -> list[str]:
    """Return what a driver may take for a host, where the password of its URL was not quoted."""
    parts = re.split("[@:/?#]", secret) if "://" not in secret else []
    return [part for part in parts if len(part) >= _LEAST_IN_LINE and part != secret and re.search(r"\d", part)]


def _quoted(secret: str) -> set[str]:
    as_bytes = secret.encode("utf-8", "replace")
    quoted = {
        secret,
        secret.encode("utf-8", "backslashreplace").decode(),  # as every text is that is kept
        *_escaped(secret),
        *(twice for once in _escaped(secret) for twice in _escaped(once)),
        repr(as_bytes)[2:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        escape(secret),
        quote(as_bytes),
        quote(as_bytes, safe=""),
        quote(quote(as_bytes, safe=""), safe=""),
        json.dumps(secret)[1:-1].replace("/", "\\/"),  # as PHP and others write it
        quote_plus(as_bytes),
    }
    return quoted | {_with_small_digits(each) for each in quoted if "%" in each}


def _escaped(text: str) -> set[str]:
    """Return what stands between the quotes of a literal; which quotes it escapes depends on what else is in there."""
    single = repr("'\"" + text)[4:-1]
    plain = single.replace("\\'", "'")
    return {each for one in (single, plain) for each in (one, one.replace('"', '\\"'))}


def _in_base64(secret: bytes) -> set[str]:
    """Return what base64 of any text with the secret inside must hold: where that begins decides which of the three."""
    found = set()
    for before in range(3):
        after = -(before + len(secret)) % 3
        plain = base64.b64encode(bytes(before) + secret + bytes(after)).decode()
        # The digits at both ends are made of the neighbours too.
        inner = plain[(0, 2, 3)[before] : len(plain) - (0, 2, 3)[after]]
        found |= {inner, inner.replace("+", "-").replace("/", "_")}
    return found


def _in_hex(secret: bytes) -> set[str]:
    return {secret.hex(), secret.hex().upper()}


def _with_small_digits(quoted: str) -> str:
    head, *rest = quoted.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in rest)])
