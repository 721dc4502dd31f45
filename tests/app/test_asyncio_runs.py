"""What a test writes in an `asyncio.run` stays nowhere, whoever was in asgiref's thread before."""

import asyncio
import threading
from contextlib import closing

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from smoketest import SmokeTest
from smoketest.clock import in_seconds
from smoketest.execution.session import open_session, own_session
from smoketest.results import Cause, Outcome
from tests.app.guarding import rows
from tests.core.making import make_step
from tests.project.shop.models import FooModel


@pytest.fixture(autouse=True)
def _close_shared():
    """Leave no connection open in the thread that all tests share."""
    yield
    in_shared_thread(connections.close_all)


def in_shared_thread(call):
    """Call it where all code that is not a guarded test's runs by `asyncio.run`."""
    return asyncio.run(sync_to_async(call)())


def count(alias):
    asyncio.run(FooModel.objects.using(alias).acount())


def create(alias):
    asyncio.run(FooModel.objects.using(alias).acreate(name="escaped"))


def result_of(test_it, **values):
    """Run the function as a test and return its result."""
    test_class = type("AsyncioTest", (SmokeTest,), {"test_it": lambda _self: test_it()})
    step = make_step("runs.smoke.AsyncioTest.test_it", **values)
    with own_session({step.id: test_class}) as run:
        return run(step)


def test_write_where_production_was(alias):
    """A write is refused where production has a connection open already."""
    count(alias)

    result = result_of(lambda: create(alias))

    assert rows(alias) == set()
    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.GUARD)
    assert f"database {alias!r}: refused outside the guard: INSERT INTO" in result.message


def test_write_where_a_test_that_commits_was(alias):
    """A write is refused where a test marked `@commits` has left a connection open."""
    result_of(lambda: count(alias), is_rolled_back=False)

    result = result_of(lambda: create(alias))

    assert rows(alias) == set()
    assert result.cause is Cause.GUARD


def test_read_where_production_was(alias):
    """A read is told of as on a new connection, and production's connection and thread are left alone."""
    count(alias)
    before = in_shared_thread(lambda: connections[alias].connection)

    result = result_of(lambda: count(alias))

    assert result.outcome is Outcome.PASSED
    assert [each.partition(", in thread")[0] for each in result.warnings] == [
        f"database {alias!r}: a connection was opened outside the guard"
    ]
    assert in_shared_thread(lambda: connections[alias].connection) is before
    assert in_shared_thread(lambda: connections[alias].execute_wrappers) == []


def test_write_in_a_thread_of_the_tests(alias):
    """In a thread that the test has started, which knows no context, it is told as what it is."""
    count(alias)

    def write():
        thread = threading.Thread(target=create, args=[alias])
        thread.start()
        thread.join()

    result = result_of(write)

    assert result.cause is Cause.GUARD
    assert f"database {alias!r}: written outside the guard, it may stay: INSERT INTO" in result.message


def test_write_in_a_late_tear_down(alias):
    """A class that is torn down after its last test's result writes nothing either."""

    class LateTest(SmokeTest):
        @classmethod
        def tearDownClass(cls):
            create(alias)

        def test_it(self):
            pass

    step = make_step("runs.smoke.LateTest.test_it", scopes=("runs.smoke.LateTest",), keeps=1)
    count(alias)

    with closing(open_session()) as session:
        session.execute(step, LateTest, in_seconds(20))
        session.rest()

    assert rows(alias) == set()


def test_committing_write(alias):
    """A test marked `@commits` writes by it as production does."""
    result = result_of(lambda: create(alias), is_rolled_back=False)

    assert result.outcome is Outcome.PASSED
    assert rows(alias) == {"escaped"}
