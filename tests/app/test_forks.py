"""A child that a test forks and that comes back out of it ends at once, and takes nothing of its parent's along."""

from contextlib import closing

import pytest
from django.db import connections

from smoketest.execution.runner import make_supervisor, run_supervised
from smoketest.execution.session import own_session
from tests.app.guarding import rows
from tests.core.making import make_app, plan_of
from tests.project.shop.models import FooModel


@pytest.fixture(autouse=True)
def _empty_tables():
    """Leave no row behind where one has escaped."""
    yield
    for alias in connections:
        FooModel.objects.using(alias).all().delete()


@pytest.fixture
def run_slow():
    """Run the forking tests in a supervised process; return how each ended."""

    def run():
        found, plan = plan_of(make_app("forking"))
        with closing(make_supervisor(lambda: own_session(found.classes))) as supervisor:
            results = [run_supervised(step, supervisor) for step in plan.steps]
        return {each.id: (each.outcome, each.message, each.warnings) for each in results}

    return run


@pytest.fixture
def run_fast(project, operator):
    """Run them in this process; return how each ended."""
    project("forking", concurrency=1)
    return lambda: {
        each["id"]: (each["outcome"], each.get("message", ""), tuple(each.get("warnings", ())))
        for each in operator.report()["results"]
    }


@pytest.mark.filterwarnings("ignore:.*multi-threaded")
@pytest.mark.parametrize("way", ["run_slow", "run_fast"])
def test_forks__come_back(request, way):
    """Wherever the child comes from, its parent's test passes, and nothing is committed on their socket."""
    ended = request.getfixturevalue(way)()

    assert ended == dict.fromkeys(ended, ("passed", "", ()))
    assert {alias: rows(alias) for alias in connections} == {alias: set() for alias in connections}
