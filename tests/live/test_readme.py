"""The README, followed by the letter in a new project."""

import json
import os
import re
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests import waiting
from tests.live.test_service import request
from tests.servers import ROOT, free_port

pytestmark = pytest.mark.live

_SLOW_ID = "module1.smoke.DemoTest.test_something_slow"


def readme_files():
    """Return path -> text of the files that the README has the reader write; `(add)` is for the end of a file."""
    blocks = re.findall(r"```python\n# (\S+\.py)( \(add\))?\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return [(path, bool(add), text) for path, add, text in blocks]


@pytest.fixture
def project_folder(tmp_path, redis_server):
    """A new project with all that the README says in it."""

    def manage(*words):
        subprocess.run([sys.executable, "manage.py", *words], cwd=tmp_path, env=environment(), check=True)

    subprocess.run(
        [sys.executable, "-m", "django", "startproject", "mysite", "."], cwd=tmp_path, env=environment(), check=True
    )
    subprocess.run([sys.executable, "manage.py", "startapp", "module1"], cwd=tmp_path, env=environment(), check=True)
    for path, is_added, text in readme_files():
        with (tmp_path / path).open("a" if is_added else "w") as file:
            file.write(text.replace("redis://127.0.0.1:6379/0", redis_server.url))
    manage("check", "--fail-level", "WARNING")
    manage("makemigrations", "module1", "--verbosity", "0")
    manage("migrate", "--verbosity", "0")
    return tmp_path


def environment():
    """Return an environment without anything of these tests' own project."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("SMOKETEST_", "DJANGO_"))}


def test_readme(project_folder):
    """The example gives exactly the report that the README shows: red, then green, then the slow test's error."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/smoketest/"
    authorization = {"Authorization": "Bearer a long random secret"}
    with ExitStack() as stack:
        for command in (
            ["-m", "django", "runserver", "--noreload", str(port)],
            ["-m", "celery", "-A", "mysite", "worker", "--concurrency", "2"],
        ):
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=project_folder,
                env={**environment(), "DJANGO_SETTINGS_MODULE": "mysite.settings", "PYTHONPATH": "."},
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
        waiting.until(lambda: request(url)[0], what="the server answers")

        red = request(url)
        subprocess.run(
            [sys.executable, "manage.py", "shell", "-c", "from module1.models import *; FooModel.objects.create()"],
            cwd=project_folder,
            env=environment(),
            check=True,
            capture_output=True,
        )
        green = request(url)
        started = request(f"{url}slow/", "POST", **authorization)
        final = request(f"{started[1]['Location']}?wait=20", **authorization)
        final_json = request(f"{started[1]['Location']}?format=json", **authorization)

    assert red[0] == 500
    red_text = re.sub(r"time: [\d.]+ms", "time: 12.34567890ms", red[2]).replace(f"{project_folder}/", "")
    assert re.sub(r"\n +[~^]+(?=\n)", "", red_text) == shown("FAIL")  # newer Pythons underline what went wrong
    assert green[0] == 200
    assert re.sub(r"time: [\d.]+ms", "time: 12.34567890ms", green[2]) == shown("PASS")
    started_text = re.sub(r"time: [\d.]+ms", "time: 0.00000000ms", started[2])
    assert (started[0], started_text.splitlines()[:-2]) == (202, shown("PENDING").splitlines()[:-2])
    assert final[0] == 500
    assert re.sub(r"time: [\d.]+ms", "", final[2]).startswith(
        "FAIL\ntest classes: 1\ntests run: 3\ntests passed: 2\ntests failed: 0\ntests errored: 1\n\n\n"
        f"{_SLOW_ID} errored\n    NameError: name 'foo' is not defined\n"
    )
    assert json.loads(final_json[2])["errored_tests"] == [_SLOW_ID]


def shown(verdict):
    """Return the report that the README shows with this verdict."""
    return re.search(rf"```text\n({verdict}\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
