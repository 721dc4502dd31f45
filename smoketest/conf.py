"""The project's settings, read at the door into one value."""

import os
from collections import deque
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import Field, dataclass, field, fields
from functools import cache
from typing import Any

from django.apps import AppConfig
from django.apps import apps as app_registry
from django.conf import LazySettings, settings
from django.core.exceptions import ImproperlyConfigured

from smoketest import rules
from smoketest.suite.discover import App
from smoketest.suite.fingerprint import fingerprint
from smoketest.suite.plan import Limits

PREFIX = "SMOKETEST_"

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Conf:
    """The `SMOKETEST_*` settings; a field's name in capitals is its setting's name. Durations are in seconds."""

    apps: tuple[str, ...] | None = field(default=None, metadata={"rule": rules.apps})
    """Only these apps' tests; names or labels."""
    skip_apps: tuple[str, ...] = field(default=(), metadata={"rule": rules.apps})
    contrib: tuple[str, ...] = field(default=(), metadata={"rule": rules.test_classes})
    """Dotted paths of classes whose tests are run as if they stood in a smoke module: ready-made ones."""
    timeout: float = field(default=5.0, metadata={"rule": rules.seconds})
    """A fast test's limit, unless it says otherwise."""
    slow_timeout: float = field(default=60.0, metadata={"rule": rules.seconds})
    budget: float = field(default=20.0, metadata={"rule": rules.seconds})
    """A whole inline run, and the longest `wait` of a request."""
    concurrency: int = field(default=4, metadata={"rule": rules.whole(1, 64)})
    """Inline tests at once in one process."""
    cache_seconds: float = field(default=0.0, metadata={"rule": rules.seconds_or_zero})
    """How long an inline report is served again."""
    fail_status: int = field(default=500, metadata={"rule": rules.whole(200, 599)})
    """The HTTP status of FAIL."""
    redis_url: str = field(default="redis://127.0.0.1:6379/0", repr=False, metadata={"rule": rules.redis_url})
    """Where runs are kept; unset: the Celery broker's, if that is Redis."""
    queue: str = field(default="", metadata={"rule": rules.string})
    """The Celery queue of the shards; unset: the Celery app's default queue."""
    parallel: int = field(default=2, metadata={"rule": rules.whole(1, 1000)})
    """Shards of a run."""
    start_timeout: float = field(default=60.0, metadata={"rule": rules.seconds})
    """Without a sign of life from a worker, until what is left is lost."""
    result_seconds: float = field(default=604800.0, metadata={"rule": rules.seconds})
    """How long a run is kept."""
    starts_per_minute: int = field(default=30, metadata={"rule": rules.whole(1, 100000)})
    """Queued runs that may be started within a minute, by whomever; those who join one don't count."""
    release: str = field(default="", metadata={"rule": rules.string})
    """What a run is a verdict on; unset: the platform's variable, else a digest of the smoke modules."""
    tokens: tuple[str, ...] = field(default=(), repr=False, metadata={"rule": rules.tokens})
    """Any of them lets a caller in."""
    access: Callable[..., bool] | None = field(default=None, metadata={"rule": rules.callable_path})
    """The project's own `callable(request) -> bool`, by its dotted path."""
    public: bool = field(default=False, metadata={"rule": rules.truth})
    """Slow runs and runs by id without a token."""

    @property
    def limits(self) -> Limits:
        """The limits of tests that have none of their own."""
        return Limits(fast_seconds=self.timeout, slow_seconds=self.slow_timeout)


def current() -> Conf:
    """Read the project's `SMOKETEST_*` settings as they are now.

    Raises ImproperlyConfigured, naming all that is wrong: a server starts without Django's system checks.
    """
    given = _given()
    for known, conf in tuple(_known):
        if known == given:
            return conf
    conf, problems = _conf_of(given)
    if problems:
        raise ImproperlyConfigured("; ".join(problem.message for problem in problems))
    _known.append(({name: copy(value) for name, value in given.items()}, conf))
    return conf


_known: deque[tuple[Mapping[str, Any], Conf]] = deque(maxlen=1)
"""The settings that were read last, and what they came to: each request asks, and they change in tests alone."""


def read() -> tuple[Conf, list[Problem]]:
    """Read the settings; what is wrong with them is returned beside, and its default taken."""
    return _conf_of(_given())


def _conf_of(given: Mapping[str, Any]) -> tuple[Conf, list[Problem]]:
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in given.items():
        each = _settings()[name]
        try:
            values[each.name] = each.metadata["rule"](value)
        except rules.Wrong as wrong:
            problems.append(_problem(name, value, wrong))
    return Conf(**values), problems


def names() -> list[str]:
    """Return the names of all settings."""
    return list(_settings())


@cache  # each request reads them
def _settings() -> Mapping[str, Field[Any]]:
    return {PREFIX + each.name.upper(): each for each in fields(Conf)}


def searched_apps(conf: Conf) -> tuple[App, ...]:
    """Return where tests are looked for: in the apps, as installed, and in what the settings list."""
    installed = tuple(
        App(name=config.name, label=config.label)
        for config in app_registry.get_app_configs()
        if conf.apps is None or is_named(config, conf.apps)
        if not is_named(config, conf.skip_apps)
    )
    return installed + tuple(_listing(path) for path in conf.contrib)


def release_of(conf: Conf) -> str:
    """Return what a run is a verdict on."""
    return conf.release or _platforms_release() or fingerprint(searched_apps(conf))


@cache
def _platforms_release() -> str:
    found = (os.environ.get(name) for name in _RELEASE_VARIABLES)
    return next(filter(None, found), "")


def is_named(config: AppConfig, words: tuple[str, ...]) -> bool:
    """Tell whether an app's name or label is among the words."""
    return config.name in words or config.label in words


def _listing(path: str) -> App:
    config = app_registry.get_containing_app_config(path)
    package = path.partition(".")[0]
    return App(name=config.name if config else package, label=config.label if config else package, listed=path)


def _given() -> Mapping[str, Any]:
    """Return the settings that stand; one that is None counts as unset."""
    # Not from `settings` itself, which takes long for each that is not there: each request asks for all of them.
    is_djangos = type(settings) is LazySettings and settings.configured
    held = vars(settings)["_wrapped"] if is_djangos else settings
    given = {name: value for name in _settings() if (value := getattr(held, name, None)) is not None}
    broker = getattr(held, "CELERY_BROKER_URL", None)
    if "SMOKETEST_REDIS_URL" not in given and isinstance(broker, str) and rules.is_redis(broker):
        given["SMOKETEST_REDIS_URL"] = broker
    return given


def _problem(name: str, value: object, wrong: rules.Wrong) -> Problem:
    shown = "[hidden]" if name == "SMOKETEST_TOKENS" or "URL" in name else repr(value)
    return Problem(
        setting=name,
        kind=wrong.kind,
        message=f"{name} is {shown}; {wrong}",
        hint=f"Correct {name} in the settings, or remove it to have its default.",
    )
