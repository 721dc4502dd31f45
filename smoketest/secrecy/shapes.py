"""Blanks what looks like a secret, whoever's it is: passwords in URLs, credentials in headers, tokens, keys."""

import base64
import binascii
import re
from typing import Any

HIDDEN = "[hidden]"
"""What stands in a secret's place."""

_NAMES = r"passw(?:or)?d|passphrase|pwd|secret(?:[_-]?key)?|(?:api|access|private|signing)[_-]?key|token|sessionid"
_KINDS = (
    r"gh[pousr]_\w{20,255}",
    r"github_pat_\w{20,255}",
    r"glpat-[\w-]{16,64}",
    r"xox[abeprs]-[\w-]{10,255}",
    r"[rs]k_(?:live|test)_\w{16,255}",
    r"sk-[\w-]{20,255}",
    r"A(?:KIA|SIA)[0-9A-Z]{16}",
    r"AIza[\w-]{35}",
    r"npm_\w{30,64}",
    r"pypi-[\w-]{30,255}",
    r"SG\.[\w-]{16,64}\.[\w-]{16,64}",
    r"eyJ[\w-]{8,4096}\.[\w-]{8,4096}(?:\.[\w-]{0,4096})?",
)
"""What tokens of known services look like, and JSON Web Tokens."""

# Every repetition is bounded: texts come from anywhere, and no text may take long.
_URL_PASSWORD = re.compile(r"""(://[^\s:/@'"<>]{0,200}:)(?!\d{1,5}[/?#])[^\s'"<>]{1,1000}(?=@)""")
_IN_QUERY = re.compile(
    r"""([?&;][\w.-]{0,40}(?:api|auth|token|key|secret|pass|sig|session|credential)[\w.-]{0,40}=)[^&\s'"<>#]{1,4096}""",
    re.IGNORECASE,
)
_IN_HEADER = re.compile(
    r"""((?:authorization|api-key|auth-token)["']?\s{0,3}[:=,]\s{0,3}["']?(?![a-z]{3,9}\s{1,3}<[a-z]{1,20}>)"""
    r"""(?:[a-z]{3,9}\s{1,3})?)[^\s'",)\]}]{1,4096}""",
    re.IGNORECASE,
)
_COOKIE = re.compile(r"""(cookie["']?\s{0,3}[:=]\s{0,3}["']?)[\w.-]{1,80}=[^\r\n'"]{1,4096}""", re.IGNORECASE)
_NAMED = re.compile(
    rf"""((?:{_NAMES})["']?(?:\s{{0,3}}=\s{{0,3}}|\s{{0,3}}:\s{{0,3}}(?=["'])|:\s{{1,3}}(?=\S{{0,80}}\d)))"""
    r"""(?!(?:None|True|False|null)\b)(?:"[^"\n]{1,4096}"|'[^'\n]{1,4096}'|[^\s,;&'"()<>{}\[\]=][^\s,;&'"()<>{}\[\]]{0,4096})""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(\bbearer\s{1,3})(?=[^\s\d]{0,200}\d)[\w.~+/=-]{8,4096}", re.IGNORECASE)
_BASIC = re.compile(r"(\bbasic\s{1,3})([\w+/]{4,1000}={0,2})", re.IGNORECASE)
_TOKEN = re.compile(rf"(?<!\w)(?:{'|'.join(_KINDS)})")
_PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----).{0,16384}?(?=-----END |\Z)",
    re.DOTALL,
)
_URL_PASSWORD_CUT = re.compile(r"""(://[^\s:/@'"<>]{0,200}:)(?!\d{1,5}\Z)[^\s/'"<>@]{1,1000}\Z""")
_URL_PASSWORD_REST = re.compile(r"""\A[^\s/'"<>@]{1,1000}(?=@)""")
_PRIVATE_KEY_REST = re.compile(r"\A[\w+/=\s\\]{1,16384}(?=-----END [A-Z ]{0,30}PRIVATE KEY-----)")
_WORD_REST = re.compile(r"""\A[^\s'"&<>]{1,4096}""")


_NAME_MARKS = ("passw", "passphrase", "pwd", "secret", "key", "token", "sessionid")
_TOKEN_MARKS = ("gh", "glpat-", "xox", "k_", "sk-", "AKIA", "ASIA", "AIza", "npm_", "pypi-", "SG.", "eyJ")
"""Without one of these there is nothing to be found; to look for them takes a hundredth of the time."""


def blank_shapes(text: str) -> str:
    """Return the text without what looks like a secret."""
    lower = text.lower()
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\1{HIDDEN}", text)
    if "=" in text:
        text = _IN_QUERY.sub(rf"\1{HIDDEN}", text)
    if "-----BEGIN " in text:
        text = _PRIVATE_KEY.sub(rf"\1{HIDDEN}", text)
    for mark, pattern in (("cookie", _COOKIE), ("bearer", _BEARER), ("auth", _IN_HEADER), ("api", _IN_HEADER)):
        if mark in lower:
            text = pattern.sub(rf"\1{HIDDEN}", text)
    if "basic" in lower:
        text = _BASIC.sub(_blank_basic, text)
    if any(mark in lower for mark in _NAME_MARKS):
        text = _NAMED.sub(rf"\1{HIDDEN}", text)
    return _TOKEN.sub(HIDDEN, text) if any(mark in text for mark in _TOKEN_MARKS) else text


def blank_before_cut(text: str) -> str:
    """Return a text that goes on where nobody sees it, without what looks like the beginning of a secret."""
    return _URL_PASSWORD_CUT.sub(rf"\1{HIDDEN}", text)


def blank_after_cut(text: str, before: str) -> str:
    """Return a text that begins in the middle, without what looks like the end of a secret."""
    text = _PRIVATE_KEY_REST.sub(HIDDEN, _URL_PASSWORD_REST.sub(HIDDEN, text))
    return _WORD_REST.sub(HIDDEN, text) if before.endswith(HIDDEN) else text


def _blank_basic(found: re.Match[Any]) -> str:
    try:
        told = base64.b64decode(found[2], validate=True)
    except binascii.Error:
        return str(found[0])  # a plain word
    return f"{found[1]}{HIDDEN}" if b":" in told else str(found[0])
