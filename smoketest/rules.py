"""What a setting may be: each rule returns the value as it is used, or raises `Wrong`."""

import math
from collections.abc import Callable
from urllib.parse import urlsplit

from django.apps import apps as app_registry
from django.utils.module_loading import import_string

from smoketest.decorators import as_float
from smoketest.errors import ListedClassError
from smoketest.suite.listed import load

_REDIS_SCHEMES = (
    "redis",
    "rediss",
    "unix",
    "redis+cluster",
    "rediss+cluster",
    "redis+sentinel",
    "rediss+sentinel",
)
_CERTIFICATES = {"CERT_NONE": "none", "CERT_OPTIONAL": "optional", "CERT_REQUIRED": "required"}
"""Celery's words in a URL -> redis-py's."""


class Wrong(Exception):  # noqa: N818 (caught where the settings are read)
    """A value that a rule does not take; the text says what is wanted."""

    def __init__(self, kind: str, wanted: str) -> None:
        """Take the kind of a `Problem`."""
        super().__init__(wanted)
        self.kind = kind


def strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple | set) or not all(isinstance(each, str) and each for each in value):
        raise Wrong("type", "a list of strings is wanted")
    return tuple(value)


def string(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Wrong("type", "a string is wanted")
    return value


def tokens(value: object) -> tuple[str, ...]:
    """Take what a client can send in a header, and a server gives on as it was sent."""
    given = strings(value)
    for number, token in enumerate(given, 1):
        if not (token.isascii() and token.isprintable() and token == token.strip()):
            place = f"no header can hold token {number} of {len(given)} as it is"
            raise Wrong("type", f"{place}: ASCII without control characters, and no space at either end, is wanted")
    return given


def truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise Wrong("type", "True or False is wanted")
    return value


def seconds(value: object) -> float:
    number = seconds_or_zero(value)
    if number == 0:
        raise Wrong("range", "a number of seconds above 0 is wanted")
    return number


def seconds_or_zero(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong("type", "a number of seconds is wanted")
    seconds = as_float(value)
    if not 0 <= seconds < math.inf:
        raise Wrong("range", "a finite number of seconds, 0 or above, is wanted")
    return seconds


def whole(least: int, most: int) -> Callable[[object], int]:
    def rule(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Wrong("type", "a whole number is wanted")
        if not least <= value <= most:
            raise Wrong("range", f"a whole number from {least} to {most} is wanted")
        return value

    return rule


def apps(value: object) -> tuple[str, ...]:
    names = strings(value)
    known = {word for config in app_registry.get_app_configs() for word in (config.name, config.label)}
    for name in names:
        if name not in known:
            raise Wrong("app", f"{name!r} is neither the name nor the label of an installed app")
    return names


def redis_url(value: object) -> str:
    url = string(value)
    if not is_redis(url):
        raise Wrong("type", f"a URL that begins with {'://, '.join(_REDIS_SCHEMES)}:// is wanted")
    for theirs, ours in _CERTIFICATES.items():
        url = url.replace(f"ssl_cert_reqs={theirs}", f"ssl_cert_reqs={ours}")
    return url


def is_redis(url: str) -> bool:
    """Tell whether a URL is one that `record.clients` understands: redis-py's own, and those of two more kinds."""
    try:
        return urlsplit(url).scheme in _REDIS_SCHEMES and ";" not in url
    except ValueError:
        return False


def test_classes(value: object) -> tuple[str, ...]:
    """Take dotted paths of classes of smoke tests."""
    paths = strings(value)
    for path in paths:
        try:
            load(path)
        except ListedClassError as error:
            raise Wrong("import", str(error)) from None
    return paths


def callable_path(value: object) -> Callable[..., bool]:
    path = string(value)
    try:
        found = import_string(path)
    except Exception as error:  # noqa: BLE001 (the project's own module may raise anything)
        raise Wrong("import", f"it can't be imported: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise Wrong("import", "it names nothing that can be called")
    return found  # type: ignore[no-any-return]
