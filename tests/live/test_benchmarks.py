"""`make bench` still measures; how fast anything is, no test says."""

import os
import subprocess
import sys

import pytest

from tests.servers import ROOT

pytestmark = [pytest.mark.live, pytest.mark.drill, pytest.mark.needs("postgresql"), pytest.mark.needs("mariadb")]

_ROWS = {
    "overhead": 3,
    "endpoint": 2,
    "sleeping": 4,
    "connecting": 12,
    "growing": 4,
    "hanging": 9,
    "locking": 3,
    "queueing": 6,
    "scaling": 8,
}


@pytest.mark.parametrize("measure", _ROWS)
def test_measure(measure):
    """Each measure gives its rows."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SMOKETEST_TEST_")}

    run = subprocess.run(
        [sys.executable, "-m", "benchmarks", measure, "--size", "tiny"],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )

    _about, _blank, _head, _rule, *rows = run.stdout.splitlines() or [""] * 4
    assert run.returncode == 0, run.stderr
    assert len(rows) == _ROWS[measure]
