"""The tables of the documentation's reference, held against the code."""

import importlib
import inspect
import pkgutil
import re
from ast import literal_eval
from dataclasses import fields

import pytest
from django.core.checks.registry import registry
from django.dispatch import Signal
from django.http import QueryDict
from django.test import RequestFactory
from prometheus_client.openmetrics.parser import text_string_to_metric_families

import smoketest.contrib
from smoketest import asked, checks, conf, refusals, rules, signals, urls
from smoketest.cases import SmokeTest
from smoketest.client.endings import ExitCode
from smoketest.management.commands import smoketest as command
from smoketest.report.formats import FORMATS
from smoketest.report.nagios import render as render_nagios
from smoketest.results import Cause, Outcome, Status
from tests.core.finished import REPORT, RUNNING
from tests.published import OPENAPI
from tests.reading import ROOT, codes, table

WORDS = {
    "SMOKETEST_APPS": "all apps",
    "SMOKETEST_REDIS_URL": "`CELERY_BROKER_URL` if that is Redis, else `redis://127.0.0.1:6379/0`",
    "SMOKETEST_QUEUE": "the Celery app's default queue",
    "SMOKETEST_RELEASE": "the platform's variable, else a digest of the smoke modules",
}
"""Settings whose default is not a value to be written down."""
SETTINGS = {codes(row[0])[0]: row[1:] for row in table("docs/settings.md", "name")}
PARAMETERS = {codes(row[0])[0].partition("=")[0]: codes(row[1]) for row in table("docs/urls.md", "parameter")}


def test_settings():
    """All settings are there, in the code's order."""
    assert list(SETTINGS) == conf.names()


@pytest.mark.parametrize("each", fields(conf.Conf), ids=lambda each: each.name)
def test_setting(each):
    """A setting has the default that stands there, and takes the numbers that stand there and no others."""
    name = f"SMOKETEST_{each.name.upper()}"
    kind, default, _ = SETTINGS[name]

    if name in WORDS:
        assert default == WORDS[name]
    else:
        assert (default == "none" and not each.default) or literal_eval(codes(default)[0]) == each.default
    for least, most in re.findall(r"(\d+) to (\d+)", kind):
        assert [each.metadata["rule"](int(number)) for number in (least, most)] == [int(least), int(most)]
        for number in (int(least) - 1, int(most) + 1):
            with pytest.raises(rules.Wrong):
                each.metadata["rule"](number)


def test_platforms():
    """The variables that name a release are there, in the order in which they are looked at."""
    text = (ROOT / "docs/settings.md").read_text().partition("## The platform's variable")[2].partition("\n\n## ")[0]

    assert tuple(codes(text)[1:]) == conf._RELEASE_VARIABLES


def test_urls():
    """Each URL is there with its name and its methods."""
    told = {codes(row[0])[0]: (codes(row[1])[0], set(codes(row[2]))) for row in table("docs/urls.md", "URL")}

    assert told == {
        f"/smoketest/{pattern.pattern}".replace("<str:run_id>", "<id>"): (
            f"{urls.app_name}:{pattern.name}",
            set(methods(pattern.callback.view_class)),
        )
        for pattern in urls.urlpatterns
    }


def methods(view_class):
    """Return what the view names in its answer to another method, without OPTIONS."""
    view = view_class()
    view.setup(RequestFactory().get("/"))
    return [method for method in view._allowed_methods() if method != "OPTIONS"]


def test_parameters__openapi():
    """The parameters of each URL are those of its description."""
    described = {
        name: {
            path.replace("{run_id}", "<id>")
            for path, methods in OPENAPI["paths"].items()
            if {"$ref": f"#/components/parameters/{name}"} in methods["get"]["parameters"]
        }
        for name, parameter in OPENAPI["components"]["parameters"].items()
        if parameter["in"] == "query"
    }
    everywhere = [path.replace("{run_id}", "<id>") for path in OPENAPI["paths"]]

    assert {name: {*(where or everywhere)} for name, where in PARAMETERS.items()} == described


class Asking(QueryDict):
    """A query that remembers what was looked for in it."""

    def __init__(self):
        super().__init__("")
        self.names = set()

    def get(self, name, default=None):
        self.names.add(name)
        return default

    def getlist(self, name, default=None):
        self.names.add(name)
        return default or []


def test_parameters__door():
    """The parameters are those that the door looks for."""
    request = RequestFactory().get("/")
    request.GET = Asking()
    for look in (asked.order_of, asked.after_of, asked.format_of):
        look(request)
    asked.wait_of(request, conf.Conf())

    assert set(PARAMETERS) == request.GET.names


def test_headers():
    """The headers that a description names are there."""
    told = {codes(row[0])[0].partition(":")[0] for row in table("docs/urls.md", "header")}
    described = {each["name"] for each in OPENAPI["components"]["parameters"].values() if each["in"] == "header"}

    assert described | {"Authorization", "Accept", "If-None-Match"} == told


def test_status_codes():
    """The status codes are those of the description, and those that errors have."""
    told = {code for row in table("docs/urls.md", "code") for code in row[0].split(", ")}
    described = {code for path in OPENAPI["paths"].values() for method in path.values() for code in method["responses"]}

    assert told == described
    assert told >= {str(status) for status, _ in refusals._PROBLEMS.values()}


def test_formats():
    """Each format is there with its content types and with what an Accept header asks for it by."""
    rows = [(name, row) for row in table("docs/formats.md", "name") for name in codes(row[0])]

    assert {name for name, _ in rows} == set(FORMATS)
    assert {name for row in table("README.md", "format") for name in codes(row[0])} == set(FORMATS)
    for name, (_, content_types, accepts) in rows:
        each = FORMATS[name]
        assert codes(content_types) == [each.content_type, *filter(None, [each.problem_type])]
        assert {*each.accepts} <= {*codes(accepts)}
        assert bool(each.accepts) == (accepts != "by name only")


def test_exit_codes():
    """Each command's exit codes are there, and no others."""
    rows = table("docs/command-line.md", "code")

    assert [int(code) for code, client, _ in rows if client] == [code.value for code in ExitCode]
    assert {int(code) for code, _, manage in rows if manage} == {
        *command._EXIT_CODES.values(),
        command._COULD_NOT_RUN,
        command._INTERRUPTED,
    }


def test_nagios():
    """The words of the Nagios line are there."""
    told = {codes(row[0])[0] for row in table("docs/formats.md", "word")}

    assert {render_nagios(report).split()[1] for report in (REPORT, RUNNING)} <= told


def test_gauges():
    """The gauges are there with their labels."""
    told = {codes(row[0])[0]: set(codes(row[1])) for row in table("docs/formats.md", "gauge")}
    families = text_string_to_metric_families(FORMATS["openmetrics"].render(REPORT))
    given = {sample.name: set(sample.labels) for family in families for sample in family.samples}

    assert told == given | {"smoketest_store_up": set()}


def test_system_checks():
    """Each id is there, and whether it takes `--deploy`."""
    rows = {codes(row[0])[0]: row[1] for row in table("docs/system-checks.md", "id")}
    deploy = [each for each in registry.deployment_checks if each.__module__ == checks.__name__]
    kinds = {kind for each in deploy for kind in re.findall(r'IDS\["([^"]+)"\]', inspect.getsource(each))}

    assert list(rows) == list(checks.IDS.values())
    assert {name for name, text in rows.items() if text.startswith("`--deploy`")} == {
        checks.IDS[kind] for kind in kinds
    }


@pytest.mark.parametrize("page", ["README.md", "docs/writing-tests.md"])
def test_marks(page):
    """Each mark that the package gives is there."""
    told = {word for row in table(page, "mark") for word in re.findall(r"^`@(\w+)", row[0])}

    assert told == {*smoketest.__all__} - {"SmokeTest"}


def test_attributes():
    """Each attribute of SmokeTest is there with its default."""
    told = {codes(row[0])[0]: literal_eval(codes(row[1])[0]) for row in table("docs/writing-tests.md", "attribute")}

    assert told == {name: getattr(SmokeTest, name) for name in SmokeTest.__annotations__ if not name.startswith("_")}


@pytest.mark.parametrize(
    ("heading", "words"), [("outcome", Outcome), ("cause of `errored`", Cause), ("status of a run", Status)]
)
def test_words(heading, words):
    """The words for results and runs are there."""
    assert [codes(row[0])[0] for row in table("docs/writing-tests.md", heading)] == [str(word) for word in words]


def test_signals():
    """Each signal is there."""
    told = {codes(row[0])[0] for row in table("docs/hooks.md", "signal")}

    assert told == {name for name, each in vars(signals).items() if isinstance(each, Signal)}


def test_ready_made_tests():
    """Each ready-made class is there, and whether it is slow."""
    told, module = {}, ""
    for names, _, _, speed in table("docs/ready-made-tests.md", "module, class"):
        for name in codes(names):
            module = name.partition(".")[0] if "." in name else module
            told[module, name.rpartition(".")[2]] = speed == "slow"

    assert told == {
        (module.name, name): each.slow
        for module in pkgutil.iter_modules(smoketest.contrib.__path__)
        for name, each in vars(importlib.import_module(f"smoketest.contrib.{module.name}")).items()
        if inspect.isclass(each) and issubclass(each, SmokeTest) and each.__module__.endswith(f".{module.name}")
    }
