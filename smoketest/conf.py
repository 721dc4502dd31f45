"""The project's settings, read at the door into one value."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.apps import apps as app_registry
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from smoketest.decorators import as_float
from smoketest.suite.discover import App
from smoketest.suite.fingerprint import fingerprint
from smoketest.suite.plan import Limits

PREFIX = "SMOKETEST_"

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
_RELEASE_VARIABLES = (
    # https://devcenter.heroku.com/articles/dyno-metadata and the like of other platforms
    "HEROKU_SLUG_COMMIT",
    "HEROKU_BUILD_COMMIT",
    "RENDER_GIT_COMMIT",
    "RAILWAY_GIT_COMMIT_SHA",
    "FLY_IMAGE_REF",
    "K_REVISION",
    "SOURCE_COMMIT",
    "SOURCE_VERSION",
    "GIT_COMMIT",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """What is wrong with a setting, and the mend."""

    setting: str
    kind: str
    """`type`, `range`, `app` or `import`."""
    message: str
    hint: str


class _Wrong(Exception):  # noqa: N818 (never leaves this module)
    def __init__(self, kind: str, wanted: str) -> None:
        super().__init__(wanted)
        self.kind = kind


def _strings(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple | set) or not all(isinstance(each, str) and each for each in value):
        raise _Wrong("type", "a list of strings is wanted")
    return tuple(value)


def _string(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _Wrong("type", "a string is wanted")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("type", "True or False is wanted")
    return value


def _seconds(value: object) -> float:
    number = _seconds_or_zero(value)
    if number == 0:
        raise _Wrong("range", "a number of seconds above 0 is wanted")
    return number


def _seconds_or_zero(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Wrong("type", "a number of seconds is wanted")
    seconds = as_float(value)
    if not 0 <= seconds < math.inf:
        raise _Wrong("range", "a finite number of seconds, 0 or above, is wanted")
    return seconds


def _whole(least: int, most: int) -> Callable[[object], int]:
    def rule(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise _Wrong("type", "a whole number is wanted")
        if not least <= value <= most:
            raise _Wrong("range", f"a whole number from {least} to {most} is wanted")
        return value

    return rule


def _apps(value: object) -> tuple[str, ...]:
    names = _strings(value)
    known = {word for config in app_registry.get_app_configs() for word in (config.name, config.label)}
    for name in names:
        if name not in known:
            raise _Wrong("app", f"{name!r} is neither the name nor the label of an installed app")
    return names


def _redis_url(value: object) -> str:
    url = _string(value)
    if not _is_redis(url):
        raise _Wrong("type", f"a URL that begins with {'://, '.join(_REDIS_SCHEMES)}:// is wanted")
    for theirs, ours in _CERTIFICATES.items():
        url = url.replace(f"ssl_cert_reqs={theirs}", f"ssl_cert_reqs={ours}")
    return url


def _is_redis(url: str) -> bool:
    """Tell whether a URL is one that `record.clients` understands: redis-py's own, and those of two more kinds."""
    try:
        return urlsplit(url).scheme in _REDIS_SCHEMES and ";" not in url
    except ValueError:
        return False


def _callable_path(value: object) -> Callable[..., bool]:
    path = _string(value)
    try:
        found = import_string(path)
    except Exception as error:  # noqa: BLE001 (the project's own module may raise anything)
        raise _Wrong("import", f"it can't be imported: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise _Wrong("import", "it names nothing that can be called")
    return found  # type: ignore[no-any-return]


@dataclass(frozen=True, kw_only=True, slots=True)
class Conf:
    """The `SMOKETEST_*` settings; a field's name in capitals is its setting's name. Durations are in seconds."""

    apps: tuple[str, ...] | None = field(default=None, metadata={"rule": _apps})
    """Only these apps' tests; names or labels."""
    skip_apps: tuple[str, ...] = field(default=(), metadata={"rule": _apps})
    timeout: float = field(default=5.0, metadata={"rule": _seconds})
    """A fast test's limit, unless it says otherwise."""
    slow_timeout: float = field(default=60.0, metadata={"rule": _seconds})
    budget: float = field(default=20.0, metadata={"rule": _seconds})
    """A whole inline run, and the longest `wait` of a request."""
    concurrency: int = field(default=4, metadata={"rule": _whole(1, 64)})
    """Inline tests at once in one process."""
    cache_seconds: float = field(default=0.0, metadata={"rule": _seconds_or_zero})
    """How long an inline report is served again."""
    fail_status: int = field(default=500, metadata={"rule": _whole(200, 599)})
    """The HTTP status of FAIL."""
    redis_url: str = field(default="redis://127.0.0.1:6379/0", repr=False, metadata={"rule": _redis_url})
    """Where runs are kept; unset: the Celery broker's, if that is Redis."""
    queue: str = field(default="", metadata={"rule": _string})
    """The Celery queue of the shards; unset: the Celery app's default queue."""
    parallel: int = field(default=2, metadata={"rule": _whole(1, 1000)})
    """Shards of a run."""
    start_timeout: float = field(default=60.0, metadata={"rule": _seconds})
    """Without a sign of life from a worker, until what is left is lost."""
    result_seconds: float = field(default=604800.0, metadata={"rule": _seconds})
    """How long a run is kept."""
    release: str = field(default="", metadata={"rule": _string})
    """What a run is a verdict on; unset: the platform's variable, else a digest of the smoke modules."""
    tokens: tuple[str, ...] = field(default=(), repr=False, metadata={"rule": _strings})
    """Any of them lets a caller in."""
    access: Callable[..., bool] | None = field(default=None, metadata={"rule": _callable_path})
    """The project's own `callable(request) -> bool`, by its dotted path."""
    public: bool = field(default=False, metadata={"rule": _truth})
    """Slow runs and runs by id without a token."""

    @property
    def limits(self) -> Limits:
        """The limits of tests that have none of their own."""
        return Limits(fast_seconds=self.timeout, slow_seconds=self.slow_timeout)


def current() -> Conf:
    """Read the project's `SMOKETEST_*` settings as they are now.

    Raises ImproperlyConfigured, naming all that is wrong: a server starts without Django's system checks.
    """
    conf, problems = read()
    if problems:
        raise ImproperlyConfigured("; ".join(problem.message for problem in problems))
    return conf


def read() -> tuple[Conf, list[Problem]]:
    """Read the settings; what is wrong with them is returned beside, and its default taken."""
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    given = _given()
    for each in fields(Conf):
        name = PREFIX + each.name.upper()
        if given.get(name) is None:
            continue
        try:
            values[each.name] = each.metadata["rule"](given[name])
        except _Wrong as wrong:
            problems.append(_problem(name, given[name], wrong))
    return Conf(**values), problems


def names() -> list[str]:
    """Return the names of all settings."""
    return [PREFIX + each.name.upper() for each in fields(Conf)]


def searched_apps(conf: Conf) -> tuple[App, ...]:
    """Return the installed apps in whose `smoke` modules tests are looked for, as installed."""
    return tuple(
        App(name=config.name, label=config.label)
        for config in app_registry.get_app_configs()
        if conf.apps is None or is_named(config, conf.apps)
        if not is_named(config, conf.skip_apps)
    )


def release_of(conf: Conf) -> str:
    """Return what a run is a verdict on."""
    platform = (os.environ.get(name) for name in _RELEASE_VARIABLES)
    return conf.release or next(filter(None, platform), "") or fingerprint(searched_apps(conf))


def is_named(config: AppConfig, words: tuple[str, ...]) -> bool:
    """Tell whether an app's name or label is among the words."""
    return config.name in words or config.label in words


def _given() -> Mapping[str, Any]:
    """Return the settings that stand; those that are None count as unset."""
    given = {name: getattr(settings, name, None) for name in names()}
    broker = getattr(settings, "CELERY_BROKER_URL", None)
    if given["SMOKETEST_REDIS_URL"] is None and isinstance(broker, str) and _is_redis(broker):
        given["SMOKETEST_REDIS_URL"] = broker
    return given


def _problem(name: str, value: object, wrong: _Wrong) -> Problem:
    shown = "[hidden]" if name == "SMOKETEST_TOKENS" or "URL" in name else repr(value)
    return Problem(
        setting=name,
        kind=wrong.kind,
        message=f"{name} is {shown}; {wrong}",
        hint=f"Correct {name} in the settings, or remove it to have its default.",
    )
