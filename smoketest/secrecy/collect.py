"""Finds the secrets among named values: settings, environment variables."""

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import unquote

_HARMLESS = re.compile(
    r"(?:^XAUTHORITY|[_-](?:BACKENDS?|CLASS(?:ES)?|DIR|FILE|FUNCTION|HASHERS|HEADER|MODEL|NAME|PATH|PREFIX|SOCK"
    r"|TIMEOUT|TYPES?|UR[IL]|VALIDATORS|VERSION)|ROUTING_KEY)$",
    re.IGNORECASE,
)
"""Names that tell of no secret although they hold such a word."""
_DOTTED_PATH = re.compile(r"[a-z_]+(?:\.[A-Za-z_]+)+")
_NEVER_A_PATH = re.compile(r"PASS|PWD|SECRET|TOKEN|CREDENTIAL|KEYS?$", re.IGNORECASE)
"""Names whose value is no import's path, although a passphrase with dots looks like one."""
_WORDS = re.compile(r"(?i:CREDENTIAL|WEBHOOK|[_-]PWD$)|^pwd$")
"""Names of secrets beside those that the project's own filter hides; PWD alone is a folder."""
_WEBHOOK = re.compile(r"WEBHOOK", re.IGNORECASE)
_WEBHOOK_URL = re.compile(r"WEBHOOK.*UR[IL]$", re.IGNORECASE)
"""Names of URLs that are secrets themselves: who knows one may send."""
_WEBHOOK_PATH = re.compile(r"https?://[^\s/?#]+(/\S{12,})")
"""What a client tells that can't connect; a short one, or one without a digit, is more likely one of everybody's."""
_DIGIT = re.compile(r"\d")
_LEAST_DIGITS = 10
"""A shorter number under such a name is more likely a limit."""
_PAIR = 2
_URL_PASSWORD = re.compile(r"""://[^\s:/@'"]*:([^\s'"]+)@""")
_URL_TOKEN = re.compile(r"""://([^\s:/@'"]{16,}):?@""")
_NEXT_URL = re.compile(r"[;,\s](?=[\w+]+://)")
_IN_TEXT = re.compile(r"""(?:passw(?:or)?d|pwd|secret(?:_?key)?|token|api_?key)=([^\s&;'"]+)""", re.IGNORECASE)
_IN_SQL = re.compile(r"""\bpassword\s+'([^']+)'""", re.IGNORECASE)
"""In the words of a driver or of SQL: `host=db password=...`, `ALTER ROLE x PASSWORD '...'`."""


def collect(named: Mapping[str, object], is_hidden: Callable[[str], bool]) -> frozenset[str]:
    """Return what stands under names that are hidden, at any depth, and the passwords of all URLs."""
    return frozenset(secret for name, value in named.items() for secret in _under(name, value, is_hidden))


def _under(name: str, value: object, is_hidden: Callable[[str], bool]) -> Iterator[str]:
    for inner, text in _texts(value):
        names = [each for each in (name, inner) if _is_secret(each, is_hidden)]
        if names and not (_DOTTED_PATH.fullmatch(text) and not any(map(_NEVER_A_PATH.search, names))):
            yield text
        if any(map(_WEBHOOK.search, names)):
            yield from filter(_DIGIT.search, _WEBHOOK_PATH.findall(text))
        for password in _told_in(text):
            yield from {password, unquote(password)}


def _is_secret(name: str, is_hidden: Callable[[str], bool]) -> bool:
    if _WEBHOOK_URL.search(name):
        return True
    return bool(is_hidden(name) or _WORDS.search(name)) and not _HARMLESS.search(name)


def _told_in(text: str) -> Iterator[str]:
    """Yield the passwords that a text holds: of each URL of several, of a driver's words, of SQL."""
    for part in _NEXT_URL.split(text):
        yield from _URL_PASSWORD.findall(part)
        yield from _URL_TOKEN.findall(part)
    yield from _IN_TEXT.findall(text)
    yield from _IN_SQL.findall(text)


def _texts(value: object, name: str = "", seen: tuple[int, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield all texts in a value, each with the name that it has in its dictionary."""
    if isinstance(value, bytes | bytearray):
        yield name, value.decode("utf-8", "replace")
    elif isinstance(value, str | int):
        yield from [(name, str(value))] if isinstance(value, str) or len(str(value)) >= _LEAST_DIGITS else []
    elif id(value) not in seen:
        for inner_name, inner in _inside(value):
            yield from _texts(inner, name if inner_name is None else inner_name, (*seen, id(value)))


def _inside(value: object) -> Iterator[tuple[str | None, object]]:
    """Yield what a value holds, with its name if it has one there."""
    if isinstance(value, Mapping):
        yield from [(str(key), inner) for key, inner in list(value.items())]
    elif dataclasses.is_dataclass(value):
        yield from [(field.name, getattr(value, field.name, None)) for field in dataclasses.fields(value)]
    elif isinstance(value, list | tuple | set | frozenset):
        many = list(value)
        yield from [(None, inner) for inner in many]
        if len(many) == _PAIR and isinstance(many[0], str):
            yield many[0], many[1]
