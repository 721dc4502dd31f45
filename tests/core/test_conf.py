"""The settings: what is taken, what is refused, and what is said about it."""

import math
import os
from types import SimpleNamespace

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import override_settings

from smoketest import conf
from smoketest.cases import SmokeTest
from smoketest.checks import check_settings
from smoketest.suite.discover import App
from smoketest.suite.fingerprint import fingerprint


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch):
    """Begin with every setting unset, and on no known platform."""
    [monkeypatch.delenv(name, raising=False) for name in list(os.environ) if name in conf._RELEASE_VARIABLES]
    conf._platforms_release.cache_clear()
    with override_settings(**dict.fromkeys(conf.names()), CELERY_BROKER_URL=None, DEBUG=False):
        yield
    conf._platforms_release.cache_clear()


def let_anyone(_request):
    return True


NO_FUNCTION = "not callable"


def test_settings_of_another_kind(monkeypatch):
    """What stands in for Django's settings, as packages that load them do, is asked as any other object."""
    monkeypatch.setattr(conf, "settings", SimpleNamespace(configured=True, SMOKETEST_TIMEOUT=7, DEBUG=False))

    assert conf.current().timeout == 7


def test_defaults():
    """Without settings there are the documented defaults."""
    value = conf.current()

    assert {name: getattr(value, name) for name in value.__slots__} == {
        "apps": None,
        "skip_apps": (),
        "contrib": (),
        "timeout": 5.0,
        "slow_timeout": 60.0,
        "budget": 20.0,
        "concurrency": 4,
        "cache_seconds": 0.0,
        "fail_status": 500,
        "redis_url": "redis://127.0.0.1:6379/0",
        "queue": "",
        "parallel": 2,
        "start_timeout": 60.0,
        "result_seconds": 604800.0,
        "starts_per_minute": 30,
        "release": "",
        "tokens": (),
        "access": None,
        "public": False,
    }


class ReadyMadeTest(SmokeTest):
    """Outside any installed app."""

    def test_passes(self):
        pass


DATABASES_TEST = "smoketest.contrib.databases.DatabasesTest"


@pytest.mark.parametrize(
    ("name", "given", "taken"),
    [
        ("apps", ["shop", "tests.project.nested"], ("shop", "tests.project.nested")),
        ("apps", [], ()),
        ("skip_apps", ("auth",), ("auth",)),
        ("contrib", [DATABASES_TEST], (DATABASES_TEST,)),
        ("timeout", 3, 3.0),
        ("timeout", 0.25, 0.25),
        ("slow_timeout", 600, 600.0),
        ("budget", 25, 25.0),
        ("concurrency", 4, 4),
        ("cache_seconds", 0, 0.0),
        ("cache_seconds", 10, 10.0),
        ("fail_status", 503, 503),
        ("fail_status", 200, 200),
        ("redis_url", "redis://:pw@host:6379/1", "redis://:pw@host:6379/1"),
        ("redis_url", "rediss://host", "rediss://host"),
        ("redis_url", "unix:///run/redis.sock", "unix:///run/redis.sock"),
        ("redis_url", "redis+cluster://node:7000", "redis+cluster://node:7000"),
        ("redis_url", "rediss+sentinel://a:1,b:2/main/0", "rediss+sentinel://a:1,b:2/main/0"),
        ("queue", "smoke", "smoke"),
        ("parallel", 8, 8),
        ("starts_per_minute", 5, 5),
        ("start_timeout", 90, 90.0),
        ("result_seconds", 3600, 3600.0),
        ("release", "v1", "v1"),
        ("tokens", ["a", "b"], ("a", "b")),
        ("access", f"{__name__}.let_anyone", let_anyone),
        ("public", True, True),
    ],
)
def test_right_values(name, given, taken):
    """A setting of the right kind is taken."""
    with override_settings(**{f"SMOKETEST_{name.upper()}": given}):
        assert getattr(conf.current(), name) == taken


NO_IMPORT = "it can't be imported: "
WRONG = [
    *(
        (name, value, "smoketest.E001", "a list of strings is wanted")
        for name in ("APPS", "SKIP_APPS", "TOKENS", "CONTRIB")
        for value in ("shop", [1], [""], 5, {"shop": 1}, True)
    ),
    *(
        (name, value, "smoketest.E001", "a number of seconds is wanted")
        for name in ("TIMEOUT", "SLOW_TIMEOUT", "BUDGET", "CACHE_SECONDS", "START_TIMEOUT", "RESULT_SECONDS")
        for value in ("5", "5s", True, [5])
    ),
    *(
        (name, value, "smoketest.E002", "a finite number of seconds, 0 or above, is wanted")
        for name in ("TIMEOUT", "SLOW_TIMEOUT", "BUDGET", "CACHE_SECONDS", "START_TIMEOUT", "RESULT_SECONDS")
        for value in (-1, -0.5, math.inf, math.nan)
    ),
    ("TIMEOUT", 10**400, "smoketest.E002", "a finite number of seconds, 0 or above, is wanted"),
    *(
        (name, 0, "smoketest.E002", "a number of seconds above 0 is wanted")
        for name in ("TIMEOUT", "SLOW_TIMEOUT", "BUDGET", "START_TIMEOUT", "RESULT_SECONDS")
    ),
    *(
        (name, value, "smoketest.E001", "a whole number is wanted")
        for name in ("CONCURRENCY", "PARALLEL", "STARTS_PER_MINUTE", "FAIL_STATUS")
        for value in ("4", 4.0, True, [4])
    ),
    ("CONCURRENCY", 0, "smoketest.E002", "a whole number from 1 to 64 is wanted"),
    ("CONCURRENCY", -1, "smoketest.E002", "a whole number from 1 to 64 is wanted"),
    ("CONCURRENCY", 65, "smoketest.E002", "a whole number from 1 to 64 is wanted"),
    ("STARTS_PER_MINUTE", 0, "smoketest.E002", "a whole number from 1 to 100000 is wanted"),
    ("PARALLEL", 0, "smoketest.E002", "a whole number from 1 to 1000 is wanted"),
    ("PARALLEL", -2, "smoketest.E002", "a whole number from 1 to 1000 is wanted"),
    ("FAIL_STATUS", 199, "smoketest.E002", "a whole number from 200 to 599 is wanted"),
    ("FAIL_STATUS", 600, "smoketest.E002", "a whole number from 200 to 599 is wanted"),
    *(
        (name, value, "smoketest.E001", "a string is wanted")
        for name in ("QUEUE", "RELEASE", "ACCESS")
        for value in ("", 5)
    ),
    ("REDIS_URL", 5, "smoketest.E001", "a string is wanted"),
    ("REDIS_URL", "amqp://host", "smoketest.E001", "a URL that begins with redis://, "),
    ("REDIS_URL", "host:6379", "smoketest.E001", "a URL that begins with redis://, "),
    (
        "REDIS_URL",
        "redis://[::1/0",
        "smoketest.E001",
        "a URL that begins with redis://, ",
    ),
    *(("PUBLIC", value, "smoketest.E001", "True or False is wanted") for value in (1, 0, "yes", "False", [])),
    ("APPS", ["shop", "nowhere"], "smoketest.E003", "'nowhere' is neither the name nor the label of an installed app"),
    ("SKIP_APPS", ["tests"], "smoketest.E003", "'tests' is neither the name nor the label of an installed app"),
    (
        "ACCESS",
        "let_anyone",
        "smoketest.E004",
        f"{NO_IMPORT}ImportError: let_anyone doesn't look like",
    ),
    (
        "ACCESS",
        "nowhere.to_be_found",
        "smoketest.E004",
        f"{NO_IMPORT}ModuleNotFoundError: No module named 'nowhere'",
    ),
    ("ACCESS", f"{__name__}.missing", "smoketest.E004", "it can't be imported: ImportError: Module"),
    ("ACCESS", f"{__name__}.NO_FUNCTION", "smoketest.E004", "it names nothing that can be called"),
    ("ACCESS", "tests.project.broken_error.smoke.access", "smoketest.E004", "it can't be imported: "),
    (
        "CONTRIB",
        [DATABASES_TEST, "smoketest.contrib.nowhere.NowhereTest"],
        "smoketest.E004",
        "'smoketest.contrib.nowhere.NowhereTest' can't be imported: ModuleNotFoundError: No module named",
    ),
    ("CONTRIB", ["DatabasesTest"], "smoketest.E004", "'DatabasesTest' can't be imported: ValueError: "),
    (
        "CONTRIB",
        ["smoketest.contrib.databases.Nothing"],
        "smoketest.E004",
        "'smoketest.contrib.databases.Nothing' can't be imported: AttributeError: module 'smoketest.contrib.databases'",
    ),
    (
        "CONTRIB",
        ["unittest.TestCase"],
        "smoketest.E004",
        "'unittest.TestCase' is no class derived from smoketest.SmokeTest",
    ),
    (
        "CONTRIB",
        ["smoketest.contrib.pages.PagesTest"],
        "smoketest.E004",
        "'smoketest.contrib.pages.PagesTest' has no tests as it is; derive a class from it in a smoke module",
    ),
]


@pytest.mark.parametrize(
    ("name", "value", "check_id", "wanted"), WRONG, ids=[f"{name}-{value!r:.40}" for name, value, *_ in WRONG]
)
def test_wrong_values(name, value, check_id, wanted):
    """A wrong value is a check error of a stable id that names the setting, what is wanted, and the mend."""
    setting = f"SMOKETEST_{name}"

    with override_settings(**{setting: value}):
        errors = [each for each in check_settings() if each.id.startswith("smoketest.E")]

    (error,) = errors
    assert error.id == check_id
    assert error.msg.startswith(f"{setting} is ")
    assert f"; {wanted}" in error.msg
    assert error.hint == f"Correct {setting} in the settings, or remove it to have its default."


def test_wrong_value_is_shown():
    """A wrong value is shown as it stands."""
    with override_settings(SMOKETEST_TIMEOUT="5s"):
        (error,) = [each for each in check_settings() if each.id == "smoketest.E001"]

    assert error.msg == "SMOKETEST_TIMEOUT is '5s'; a number of seconds is wanted"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKENS", "s3cret"),
        ("TOKENS", ["s3cret", 5]),
        ("TOKENS", ["s3cret", "geheim-ü"]),
        ("TOKENS", ["s3cret\n"]),
        ("TOKENS", [" s3cret"]),
        ("REDIS_URL", "amqp://:s3cret@host"),
        ("REDIS_URL", ["s3cret"]),
        ("REDIS_URL", "s3cret"),
    ],
)
def test_secrets_are_not_shown(name, value):
    """A wrong token or URL is told without its value."""
    with override_settings(**{f"SMOKETEST_{name}": value}):
        messages = [f"{each.msg} {each.hint}" for each in check_settings()]
        with pytest.raises(ImproperlyConfigured) as caught:
            conf.current()

    assert "s3cret" not in "".join(messages)
    assert "s3cret" not in str(caught.value)
    assert f"SMOKETEST_{name} is [hidden]; " in str(caught.value)


def test_broker_secret_is_not_shown():
    """Where the broker's URL is taken and wrong, its password is not told."""
    with override_settings(CELERY_BROKER_URL="redis://:s3cret@[host"):
        _, problems = conf.read()

    assert "s3cret" not in repr(problems)


@override_settings(SMOKETEST_TOKENS=["s3cret", "geheim-ü"])
def test_token_that_no_header_can_hold():
    """A token that would never match is told by its place, with what is wanted."""
    _, [problem] = conf.read()

    assert problem.message == (
        "SMOKETEST_TOKENS is [hidden]; no header can hold token 2 of 2 as it is: "
        "ASCII without control characters, and no space at either end, is wanted"
    )


@pytest.mark.parametrize("name", ["tokens", "redis_url"])
def test_secrets_are_not_in_the_repr(name):
    """The settings' value can be printed without telling a secret."""
    values = {"SMOKETEST_TOKENS": ["s3cret"], "SMOKETEST_REDIS_URL": "redis://:s3cret@host"}

    with override_settings(**{f"SMOKETEST_{name.upper()}": values[f"SMOKETEST_{name.upper()}"]}):
        assert "s3cret" not in repr(conf.current())


@override_settings(SMOKETEST_TIMEOUT="5s", SMOKETEST_BUDGET=-1, SMOKETEST_APPS=["nowhere"], SMOKETEST_PARALLEL=3)
def test_current_names_all_problems():
    """Reading wrong settings raises one error that names them all."""
    with pytest.raises(ImproperlyConfigured) as caught:
        conf.current()

    assert str(caught.value) == (
        "SMOKETEST_APPS is ['nowhere']; 'nowhere' is neither the name nor the label of an installed app; "
        "SMOKETEST_TIMEOUT is '5s'; a number of seconds is wanted; "
        "SMOKETEST_BUDGET is -1; a finite number of seconds, 0 or above, is wanted"
    )


@override_settings(SMOKETEST_TIMEOUT="5s", SMOKETEST_PARALLEL=3)
def test_read_takes_the_default_for_what_is_wrong():
    """Beside the problems the settings are there, with defaults for the wrong ones."""
    value, problems = conf.read()

    assert (value.timeout, value.parallel) == (5.0, 3)
    assert [problem.setting for problem in problems] == ["SMOKETEST_TIMEOUT"]


def test_read_anew_each_time():
    """The settings are read as they are now."""
    before = conf.current().timeout
    with override_settings(SMOKETEST_TIMEOUT=1):
        within = conf.current().timeout

    assert (before, within) == (5.0, 1.0)


def test_read_anew__changed_in_place():
    """A list that the project changes while it runs, of tokens say, is read as it is now."""
    tokens = ["old"]
    with override_settings(SMOKETEST_TOKENS=tokens):
        before = conf.current().tokens
        tokens.append("new")
        after = conf.current().tokens

    assert (before, after) == (("old",), ("old", "new"))


@override_settings(SMOKETEST_TIMEOUT=1, SMOKETEST_SLOW_TIMEOUT=2)
def test_limits():
    """The limits of fast and of slow tests are two settings."""
    limits = conf.current().limits

    assert (limits.fast_seconds, limits.slow_seconds) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("broker", "url"),
    [
        ("redis://broker/3", "redis://broker/3"),
        ("rediss://broker/3", "rediss://broker/3"),
        ("amqp://broker", "redis://127.0.0.1:6379/0"),
        ("sentinel://broker", "redis://127.0.0.1:6379/0"),
        ("redis+socket:///run/redis.sock", "redis://127.0.0.1:6379/0"),
        ("redis://one/0;redis://two/0", "redis://127.0.0.1:6379/0"),
        (["redis://one/0"], "redis://127.0.0.1:6379/0"),
        ("", "redis://127.0.0.1:6379/0"),
    ],
)
def test_redis_url_of_the_broker(broker, url):
    """Unset, runs are kept in the Celery broker if that is one Redis; any other broker changes nothing."""
    with override_settings(CELERY_BROKER_URL=broker):
        assert conf.current().redis_url == url


@override_settings(CELERY_BROKER_URL="redis://broker/3", SMOKETEST_REDIS_URL="redis://own/1")
def test_own_redis_url_comes_first():
    """SMOKETEST_REDIS_URL comes before the broker's."""
    assert conf.current().redis_url == "redis://own/1"


def test_release_of_the_setting(monkeypatch):
    """SMOKETEST_RELEASE comes first."""
    monkeypatch.setenv("GIT_COMMIT", "platform")

    with override_settings(SMOKETEST_RELEASE="own"):
        assert conf.release_of(conf.current()) == "own"


@override_settings(SMOKETEST_RELEASE=None)
def test_release_of_the_platform(monkeypatch):
    """Without a setting the platform's variable is taken, the more exact one first; an empty one is none."""
    monkeypatch.setenv("GIT_COMMIT", "build")
    monkeypatch.setenv("RENDER_GIT_COMMIT", "")
    monkeypatch.setenv("HEROKU_BUILD_COMMIT", "slug")

    assert conf.release_of(conf.current()) == "slug"


@override_settings(SMOKETEST_RELEASE=None)
def test_release_of_the_source():
    """Without either the digest of the smoke modules is the release."""
    settings = conf.current()

    assert conf.release_of(settings) == fingerprint(conf.searched_apps(settings))


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        ({"SMOKETEST_APPS": ["shop", "tests.project.nested"]}, ["shop", "nested"]),
        ({"SMOKETEST_APPS": ["nested", "shop"]}, ["shop", "nested"]),
        ({"SMOKETEST_APPS": ["nested", "shop"], "SMOKETEST_SKIP_APPS": ["tests.project.shop"]}, ["nested"]),
        ({"SMOKETEST_APPS": []}, []),
    ],
)
def test_searched_apps(settings, labels):
    """The apps named, by name or label, and not skipped are searched, in the order in which they are installed."""
    with override_settings(**settings):
        searched = conf.searched_apps(conf.current())

    assert [app.label for app in searched] == labels


@override_settings(SMOKETEST_APPS=["shop"], SMOKETEST_CONTRIB=[DATABASES_TEST, f"{__name__}.ReadyMadeTest"])
def test_listed_classes():
    """Listed classes are looked at after the apps, whichever those are; each counts to the app that it is in."""
    searched = conf.searched_apps(conf.current())

    assert searched == (
        App(name="tests.project.shop", label="shop"),
        App(name="smoketest", label="smoketest", listed=DATABASES_TEST),
        App(name="tests", label="tests", listed=f"{__name__}.ReadyMadeTest"),
    )


def test_all_apps_are_searched():
    """Without a setting all installed apps are searched, also those installed by their AppConfig."""
    searched = conf.searched_apps(conf.current())

    assert searched[:4] == (
        App(name="django.contrib.auth", label="auth"),
        App(name="django.contrib.contenttypes", label="contenttypes"),
        App(name="smoketest", label="smoketest"),
        App(name="tests.project.shop", label="shop"),
    )


# The other checks


def warnings_of(check_id):
    return [(each.msg, each.hint) for each in check_settings() if each.id == check_id]


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SMOKETEST_TIMOUT", "SMOKETEST_TIMEOUT"),
        ("SMOKETEST_SKIP_APP", "SMOKETEST_SKIP_APPS"),
        ("SMOKETEST_TOKEN", "SMOKETEST_TOKENS"),
    ],
)
def test_unknown_name(name, nearest):
    """An unknown SMOKETEST_ name is a warning with the nearest that is known."""
    with override_settings(**{name: 1}):
        assert warnings_of("smoketest.W001") == [
            (f"{name} is no setting of django-smoketest", f"Did you mean {nearest}?")
        ]


@override_settings(SMOKETEST_THAT_IS_LIKE_NOTHING_ELSE_AT_ALL=1)
def test_unknown_name_like_no_other():
    """An unknown name that is like none is answered with all that there are."""
    ((_, hint),) = warnings_of("smoketest.W001")

    assert hint == f"The settings are: {', '.join(conf.names())}."


def test_nobody_let_in():
    """Where nobody could ever be let in there is a warning that says what to set."""
    ((message, hint),) = warnings_of("smoketest.W002")

    assert message == "nobody can start a slow run or see a run by its id"
    assert hint == "Set SMOKETEST_TOKENS to a list of secrets, or SMOKETEST_ACCESS, or SMOKETEST_PUBLIC = True."


@pytest.mark.parametrize(
    "settings",
    [
        {"SMOKETEST_TOKENS": ["a"]},
        {"SMOKETEST_ACCESS": f"{__name__}.let_anyone"},
        {"SMOKETEST_PUBLIC": True},
        {"DEBUG": True},
        {"MIDDLEWARE": ["django.contrib.auth.middleware.AuthenticationMiddleware"]},
    ],
)
def test_somebody_let_in(settings):
    """Each way in silences the warning."""
    with override_settings(**settings):
        assert warnings_of("smoketest.W002") == []


@override_settings(SMOKETEST_APPS=["shop", "nested"], SMOKETEST_SKIP_APPS=["shop"])
def test_app_both_ways():
    """An app that is chosen and skipped is a warning."""
    ((message, _),) = warnings_of("smoketest.W003")

    assert message == "'shop' is in SMOKETEST_APPS and in SMOKETEST_SKIP_APPS; it is skipped"


@override_settings(SMOKETEST_APPS=["shop", "nested"], SMOKETEST_SKIP_APPS=["tests.project.shop"])
def test_app_both_ways_by_name_and_label():
    """An app that is chosen by its label and skipped by its name is a warning too."""
    assert len(warnings_of("smoketest.W003")) == 1


@override_settings(SMOKETEST_TIMEOUT=30, SMOKETEST_BUDGET=10)
def test_limit_above_budget():
    """A limit above the budget is a warning."""
    ((message, _),) = warnings_of("smoketest.W004")

    assert message == "SMOKETEST_TIMEOUT (30 s) is above SMOKETEST_BUDGET (10 s)"


@override_settings(SMOKETEST_TOKENS=["a"])
def test_nothing_to_say():
    """Good settings give no message."""
    assert check_settings() == []


@override_settings(SMOKETEST_TIMEOUT="5s")
def test_checks_are_registered():
    """Django's own `check` command runs the checks, by the tag of the package."""
    with pytest.raises(SystemCheckError, match="SMOKETEST_TIMEOUT is '5s'"):
        call_command("check", tags=["smoketest"])
