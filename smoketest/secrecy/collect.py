"""Finds the secrets among named values: settings, environment variables."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from urllib.parse import unquote

_HARMLESS = re.compile(
    r"(?:^XAUTHORITY|[_-](?:BACKENDS?|CLASS(?:ES)?|DIR|FILE|FUNCTION|HASHERS|HEADER|MODEL|NAME|PATH|PREFIX|SOCK"
    r"|TIMEOUT|TYPES?|UR[IL]|VALIDATORS|VERSION)|ROUTING_KEY)$",
    re.IGNORECASE,
)
"""Names that tell of no secret although they hold such a word."""
_DOTTED_PATH = re.compile(r"[a-z_]+(?:\.[A-Za-z_]+)+")
_URL_PASSWORD = re.compile(r"""://[^\s:/@'"]*:([^\s'"]+)@""")


def collect(named: Mapping[str, object], is_hidden: Callable[[str], bool]) -> frozenset[str]:
    """Return what stands under names that are hidden, at any depth, and the passwords of all URLs."""
    return frozenset(secret for name, value in named.items() for secret in _under(name, value, is_hidden))


def _under(name: str, value: object, is_hidden: Callable[[str], bool]) -> Iterator[str]:
    is_secret = is_hidden(name) and not _HARMLESS.search(name)
    for inner, text in _texts(value):
        if is_secret or (is_hidden(inner) and not _HARMLESS.search(inner)):
            yield from () if _DOTTED_PATH.fullmatch(text) else (text,)
        for password in _URL_PASSWORD.findall(text):
            yield from {password, unquote(password)}


def _texts(value: object, name: str = "", seen: tuple[int, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield all texts in a value, each with the name that it has in its dictionary."""
    if isinstance(value, bytes):
        yield name, value.decode("utf-8", "replace")
    elif isinstance(value, str):
        yield name, str(value)
    elif id(value) in seen:
        return
    elif isinstance(value, Mapping):
        for key, inner in list(value.items()):
            yield from _texts(inner, str(key), (*seen, id(value)))
    elif isinstance(value, list | tuple | set | frozenset):
        yield from _many(value, name, (*seen, id(value)))


def _many(values: Iterable[object], name: str, seen: tuple[int, ...]) -> Iterator[tuple[str, str]]:
    for inner in list(values):
        yield from _texts(inner, name, seen)
