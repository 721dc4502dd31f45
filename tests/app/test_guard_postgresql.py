"""What a project may have set for PostgreSQL, and what a test may set there, under the guard."""

from contextlib import closing

import pytest
from django.db import IntegrityError, connections
from django.db.backends.postgresql.base import Cursor
from psycopg import IsolationLevel

from smoketest.clock import in_seconds
from smoketest.execution.guards.own_connections import OwnConnections
from tests.app.guarding import rows, write

pytestmark = pytest.mark.needs("postgresql")

NAMES = ["SET application_name = 'a'", "RESET ALL", "SELECT set_config('application_name', 'a', false)"]


def execute(sql):
    with connections["postgresql"].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


@pytest.mark.parametrize("sql", NAMES)
def test_application_name(guard, level, sql):
    """A test may name its session: that ends no transaction, and is rolled back with the rest."""
    with level():
        write("postgresql")
        execute(sql)

    assert guard.violations() == []
    assert rows("postgresql") == set()


@pytest.mark.parametrize("sql", NAMES)
def test_application_name_of_a_class(guard, level, sql):
    """So may a class, whose tests have it."""
    with level():
        execute(sql)
        ((of_class,),) = execute("SHOW application_name")
        with level():
            execute("SET application_name = 'b'")
        with level():
            seen = execute("SHOW application_name")

    assert seen == [(of_class,)]
    assert guard.violations() == []


def test_application_name_before_an_error(guard, level):
    """A transaction that is broken after it is still the test's own."""
    with level():
        execute("SET application_name = 'a'")
        with pytest.raises(IntegrityError):
            execute("INSERT INTO shop_foomodel (name) VALUES (NULL)")

    assert guard.violations() == []


@pytest.mark.parametrize("savepoint", [b"smoketest_1", b"of_the_test"])
def test_another_transaction_with_a_name(guard, level, production, savepoint):
    """A transaction that is not the guard's is told of, whatever name its session and its savepoint have."""
    with level():
        write("postgresql")
        connections["postgresql"].connection.pgconn.exec_(
            b"COMMIT; BEGIN; SET LOCAL application_name = 'a'; SAVEPOINT " + savepoint
        )

    production("postgresql", "DELETE FROM shop_foomodel")
    assert guard.violations() == ["database 'postgresql': the test ended its transaction; what it wrote may stay"]


@pytest.mark.parametrize("binds_on_server", [True, False])
def test_prepared_statements(monkeypatch, binds_on_server):
    """A project may have each statement prepared, the guard's own are not."""
    options = {"server_side_binding": binds_on_server, "prepare_threshold": 0}
    monkeypatch.setitem(connections.settings["postgresql"], "OPTIONS", options)
    with closing(OwnConnections()) as guard:
        with guard.level("__all__", in_seconds(20)):
            write("postgresql")
        with guard.level("__all__", in_seconds(20)):
            seen = rows("postgresql")
        violations = guard.violations()

    assert (seen, violations) == (set(), [])


class OwnCursor(Cursor):
    """A cursor of a project's own that takes what Django calls it with, and no more."""

    def execute(self, query, params=None):
        return super().execute(query, params)


def test_cursor_factory(monkeypatch):
    """A test has the cursor that the project has set; the guard's own statements don't go through it."""
    monkeypatch.setitem(connections.settings["postgresql"], "OPTIONS", {"cursor_factory": OwnCursor})
    with closing(OwnConnections()) as guard, guard.level("__all__", in_seconds(20)):
        with connections["postgresql"].cursor() as cursor:
            is_own = isinstance(cursor.cursor, OwnCursor)
        seen = rows("postgresql")

    assert (is_own, seen) == (True, set())


def test_isolation_level(monkeypatch):
    """A test's transaction is isolated as production's are."""
    options = {"isolation_level": IsolationLevel.REPEATABLE_READ}
    monkeypatch.setitem(connections.settings["postgresql"], "OPTIONS", options)
    with closing(OwnConnections()) as guard, guard.level("__all__", in_seconds(20)):
        seen = execute("SHOW transaction_isolation")

    assert seen == [("repeatable read",)]
