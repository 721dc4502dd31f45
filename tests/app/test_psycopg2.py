"""A project that has psycopg 2 alone, in a process of its own."""

import json
import subprocess
import sys

import pytest

from tests.servers import ROOT

pytestmark = pytest.mark.needs("postgresql")

_SCRIPT = """
import json, sys
sys.modules["psycopg"] = None  # as where it is not installed
import django
django.setup()
from django.core.checks import run_checks
from smoketest import SmokeTest
from smoketest.execution.session import own_session
from smoketest.results import Step
from tests.project.shop.models import FooModel

class OldTest(SmokeTest):
    def test_it(self):
        FooModel.objects.using("postgresql").count()

step = Step(id="old.smoke.OldTest.test_it", test_class="old.smoke.OldTest", timeout_seconds=20.0)
with own_session({step.id: OldTest}) as run:
    result = run(step)
print(json.dumps([[each.id for each in run_checks(tags=["smoketest"])], result.cause, result.message]))
"""


def test_psycopg2_alone():
    """The guard needs psycopg 3: a system check says so, and a test that touches the database is refused."""
    done = subprocess.run([sys.executable, "-c", _SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    ids, cause, message = json.loads(done.stdout)
    assert ids == ["smoketest.W008"]
    assert cause == "guard"
    assert "database 'postgresql' has the driver psycopg2, and the guard needs psycopg 3" in message
