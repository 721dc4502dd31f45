"""The commands, scripts and files that the docs show."""

import re
import shlex
import subprocess
from configparser import ConfigParser

import pytest
import yaml
from django.core.management import load_command_class

from smoketest.client import options
from smoketest.client.endings import ExitCode
from tests.reading import PAGES
from tests.servers import ROOT

COMMAND_LINE = (ROOT / "docs/command-line.md").read_text()
EVERYTHING = "\n".join(page.read_text() for page in PAGES)


def blocks(*languages):
    """Return the fenced blocks in one of these languages, each once."""
    found = re.findall(r"(?ms)^```(\w+)\n(.*?)^```", EVERYTHING)
    return list(dict.fromkeys(text for language, text in found if language in languages))


def scalars(value):
    """Return all strings in what YAML holds."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value] if isinstance(value, str) else [text for each in inner for text in scalars(each)]


def commands(pattern):
    """Return the words behind what matches `pattern`, of every command in the docs, each once."""
    texts = [
        *blocks("sh", "text", "ini"),
        *(text for block in blocks("yaml") for text in scalars(yaml.safe_load(block))),
    ]
    joined = "\n".join(texts).replace("\\\n", " ")
    return list(dict.fromkeys(re.split(r" \|\| | && ", words)[0] for words in re.findall(pattern, joined)))


CLIENT = commands(r'(?m)(?:^|/bin/)smoketest ((?:https?://|"\$APP_URL).*)')
MANAGE = commands(r"manage\.py smoketest\b(.*)")
JOB = yaml.safe_load(next(block for block in blocks("yaml") if "kind: Job" in block))


def test_something_is_found():
    """The commands are found at all."""
    assert (len(CLIENT), len(MANAGE)) == (8, 8)


@pytest.mark.parametrize("words", CLIENT)
def test_console_script(words, tmp_path, monkeypatch):
    """The console script understands its examples."""
    monkeypatch.chdir(tmp_path)
    words = words.replace("$APP_URL", "https://app.example").replace("$ARG1$", "app.example")

    assert options.parse(shlex.split(words), {}).url.startswith(
        ("https://app.example/smoketest/", "http://127.0.0.1:8000/smoketest/")
    )


def test_console_script__job():
    """It understands the Job's arguments, which leaves it time enough."""
    (container,) = JOB["spec"]["template"]["spec"]["containers"]

    parsed = options.parse(container["args"], {})

    assert container["command"] == ["smoketest"]
    assert parsed.release_seconds + parsed.seconds < JOB["spec"]["activeDeadlineSeconds"]


@pytest.mark.parametrize("words", MANAGE)
def test_management_command(words, tmp_path, monkeypatch):
    """The management command understands its examples."""
    monkeypatch.chdir(tmp_path)
    parser = load_command_class("smoketest", "smoketest").create_parser("manage.py", "smoketest")

    assert parser.parse_args(shlex.split(words)).format in ("text", "json")


@pytest.mark.parametrize("script", blocks("sh"))
def test_shell(script):
    """The shell takes the scripts for scripts."""
    subprocess.run(["/bin/sh", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("text", blocks("ini"))
def test_units(text):
    """The unit files can be read, and begin what is there."""
    unit = ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read_string(text)

    assert {"Service", "Timer"} & set(unit.sections())


def test_every_option_is_told():
    """Each option of both commands stands in its table."""
    client = options._make_parser()._option_string_actions
    parser = load_command_class("smoketest", "smoketest").create_parser("manage.py", "smoketest")
    manage = {flag for action in parser._action_groups[1]._group_actions for flag in action.option_strings}
    djangos = {"--help", "--version", "--verbosity", "--settings", "--pythonpath", "--traceback", "--no-color"}
    of_manage, of_client = COMMAND_LINE.split("\n## `smoketest`")

    assert [flag for flag in client if f"`{flag}" not in of_client and flag not in ("-h", "--help")] == []
    assert [
        flag
        for flag in manage - djangos - {"-h", "-v", "--force-color", "--skip-checks"}
        if f"`{flag}" not in of_manage
    ] == []


def test_every_exit_code_is_told():
    """Each exit code stands in the table."""
    assert re.findall(r"(?m)^\| (\d+) \|", COMMAND_LINE) == [str(code.value) for code in ExitCode]
