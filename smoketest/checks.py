"""Django system checks of the settings."""

import difflib
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.apps import apps as app_registry
from django.conf import settings
from django.core.checks import CheckMessage, Error, Info, Warning  # noqa: A004 (Django's name)
from django.db import connections

from smoketest import conf
from smoketest.errors import QueueUnavailableError
from smoketest.record.eviction import eviction_policy

IDS = {
    "type": "smoketest.E001",
    "range": "smoketest.E002",
    "app": "smoketest.E003",
    "import": "smoketest.E004",
    "unknown setting": "smoketest.W001",
    "nobody let in": "smoketest.W002",
    "apps both ways": "smoketest.W003",
    "limit above budget": "smoketest.W004",
    "evicts": "smoketest.W005",
    "no answer": "smoketest.W006",
    "probes too late": "smoketest.W007",
    "driver too old": "smoketest.W008",
    "probes redirected": "smoketest.I001",
}
"""What a check is about -> its id, which never changes its meaning."""

_PROBE = "smoketest.middleware.ProbeMiddleware"
_SEND_AWAY = ("django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware")


def check_settings(**_options: Any) -> list[CheckMessage]:
    """Check all `SMOKETEST_*` settings."""
    value, problems = conf.read()
    errors = [Error(each.message, hint=each.hint, id=IDS[each.kind]) for each in problems]
    return [*errors, *_unknown_names(), *_nobody_let_in(value), *_contradictions(value), *_old_drivers()]


def check_store(**_options: Any) -> list[CheckMessage]:
    """Check the Redis that keeps the runs; for `check --deploy`, as it takes a server."""
    url = conf.read()[0].redis_url
    try:
        policy = eviction_policy(url)
    except QueueUnavailableError as error:
        hint = "Slow runs can't be started; fast ones don't need it. See SMOKETEST_REDIS_URL."
        return [Warning(str(error), hint=hint, id=IDS["no answer"])]
    if policy in ("", "noeviction"):
        return []
    return [
        Warning(
            f"Redis may drop runs and messages when its memory is full: its maxmemory-policy is {policy}",
            hint="Set `maxmemory-policy noeviction`, or give SMOKETEST_REDIS_URL a server of its own.",
            id=IDS["evicts"],
        )
    ]


def check_probes(**_options: Any) -> list[CheckMessage]:
    """Check that ProbeMiddleware stands where it can do something."""
    before = settings.MIDDLEWARE[: settings.MIDDLEWARE.index(_PROBE)] if _PROBE in settings.MIDDLEWARE else []
    return [
        Warning(
            f"{_PROBE} stands after {name}, which sends probes away before it sees them",
            hint="Put it first in MIDDLEWARE.",
            id=IDS["probes too late"],
        )
        for name in before
        if name in _SEND_AWAY
    ]


def check_redirect(**_options: Any) -> list[CheckMessage]:
    """Check that probes without TLS get an answer; for `check --deploy`, as that is no mistake everywhere."""
    redirects = settings.SECURE_SSL_REDIRECT and not settings.SECURE_REDIRECT_EXEMPT
    if not redirects or _PROBE in settings.MIDDLEWARE:
        return []
    return [
        Info(
            "probes that come without TLS are redirected by SECURE_SSL_REDIRECT, and get no report",
            hint=f"If a load balancer asks without TLS put {_PROBE} first in MIDDLEWARE; see docs/access.md.",
            id=IDS["probes redirected"],
        )
    ]


def _unknown_names() -> Iterable[CheckMessage]:
    known = conf.names()
    for name in dir(settings):
        if name.startswith(conf.PREFIX) and name not in known:
            # Without what all have in common, in which any short name would be near to any other.
            ends = [each.removeprefix(conf.PREFIX) for each in known]
            nearest = difflib.get_close_matches(name.removeprefix(conf.PREFIX), ends, n=1)
            hint = f"Did you mean {conf.PREFIX}{nearest[0]}?" if nearest else f"The settings are: {', '.join(known)}."
            yield Warning(f"{name} is no setting of django-smoketest", hint=hint, id=IDS["unknown setting"])


def _nobody_let_in(value: conf.Conf) -> Iterable[CheckMessage]:
    knows_staff = "django.contrib.auth.middleware.AuthenticationMiddleware" in settings.MIDDLEWARE
    if not (value.tokens or value.access or value.public or settings.DEBUG or knows_staff):
        yield Warning(
            "nobody can start a slow run or see a run by its id",
            hint="Set SMOKETEST_TOKENS to a list of secrets, or SMOKETEST_ACCESS, or SMOKETEST_PUBLIC = True.",
            id=IDS["nobody let in"],
        )


def _contradictions(value: conf.Conf) -> Iterable[CheckMessage]:
    for config in app_registry.get_app_configs():
        if not (conf.is_named(config, value.apps or ()) and conf.is_named(config, value.skip_apps)):
            continue
        yield Warning(
            f"{config.label!r} is in SMOKETEST_APPS and in SMOKETEST_SKIP_APPS; it is skipped",
            hint="Take it out of one of them.",
            id=IDS["apps both ways"],
        )
    if value.timeout > value.budget:
        yield Warning(
            f"SMOKETEST_TIMEOUT ({value.timeout:g} s) is above SMOKETEST_BUDGET ({value.budget:g} s)",
            hint="A fast test is ended with the budget of its run; lower the one or raise the other.",
            id=IDS["limit above budget"],
        )


def _old_drivers() -> Iterable[CheckMessage]:
    for alias in connections:
        driver = ""
        with suppress(Exception):  # a driver that is missing is not ours to tell of
            driver = connections[alias].Database.__name__  # type: ignore[attr-defined]
        if driver == "psycopg2":
            yield Warning(
                f"smoke tests can't use the database {alias!r}: its driver is psycopg2",
                hint="Install psycopg 3, which Django takes where it finds both.",
                id=IDS["driver too old"],
            )
