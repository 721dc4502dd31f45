"""Requests that schemathesis makes up from the OpenAPI description, to a real server with a real worker.

FUZZ is how many it makes up for each operation; with it all phases are gone through. 60 come to some 1,500 a caller.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from smoketest.record.ids import make_id
from tests.live.test_service import request
from tests.published import FOLDER
from tests.servers import ROOT, Web

pytestmark = [pytest.mark.live, pytest.mark.drill]

EXAMPLES = int(os.environ.get("FUZZ", "0"))
PHASES = "examples,coverage,fuzzing,stateful" if EXAMPLES else "fuzzing,stateful"
AUTHORIZATION = {"Authorization": "Bearer new-token"}
CALLERS = {
    "token": (AUTHORIZATION, {}),
    "stranger": ({}, {}),
    "public": ({}, {"SMOKETEST_TEST_PUBLIC": "1"}),
}
"""Who calls -> what he sends, and what the server's environment has."""
CONFIG = """
# DELETE ends a run, and its report stays.
checks.use_after_free.enabled = false
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "410", "429", "5xx"]
[dictionaries.runs]
values = {runs}
[parameters]
"path.run_id" = {{ dictionary = "runs", probability = 0.7 }}
[[operations]]
include-path = ["/slow/", "/runs/{{run_id}}/"]
# A run that was cancelled is a 500.
checks.not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "500"]
[[operations]]
include-path = ["/", "/slow/"]
# A selection may select nothing; see `fuzzing.refuses_for_a_reason`.
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", "400", "401", "403", "409", "429", "5xx"]
"""
"""What the description can't say."""


@pytest.fixture(params=CALLERS)
def caller(request):
    """Who calls."""
    return request.param


@pytest.fixture
def url(caller, redis_server, worker, row):  # noqa: ARG001 (with the row all tests pass)
    """The URL of a server of the caller's own."""
    own = {"SMOKETEST_TEST_QUEUE": worker.queue, "SMOKETEST_TEST_APPS": "shop", **CALLERS[caller][1]}
    web = Web(redis_server.url, **own)
    try:
        web.start()
        yield web.url
    finally:
        web.kill()


@pytest.fixture
def runs(url):
    """The ids of a run that there is, of one that is gone, and of none."""
    _, _, text = request(f"{url}slow/?new=1&wait=20", "POST", Accept="application/json", **AUTHORIZATION)
    return [json.loads(text)["run_id"], make_id(), "none"]


@pytest.fixture
def description(caller, tmp_path):
    """The description; for a public service one that asks for no token where none is needed."""
    folder = shutil.copytree(FOLDER, tmp_path / "schema")
    described = json.loads((folder / "openapi.json").read_text())
    opened = ["/slow/", "/runs/{run_id}/"] if caller == "public" else []
    for method, operation in [pair for path in opened for pair in described["paths"][path].items()]:
        operation["security"] = operation["security"] if method == "delete" else [{}, {"token": []}]
    (folder / "openapi.json").write_text(json.dumps(described))
    return folder / "openapi.json"


def test_description(caller, url, runs, description, tmp_path):
    """Every answer is one that the description promises, whatever is asked."""
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG.format(runs=json.dumps(runs)))
    command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(config), "--no-color", "run"]
    command += [str(description), "--url", url.rstrip("/"), "--phases", PHASES]
    command += ["--generation-deterministic", "--max-examples", str(EXAMPLES or 5), "--continue-on-failure"]
    command += [word for name, value in CALLERS[caller][0].items() for word in ("--header", f"{name}: {value}")]

    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SCHEMATHESIS_HOOKS": "tests.live.fuzzing"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) generated", done.stdout)[1]) >= EXAMPLES * 10 + 50
