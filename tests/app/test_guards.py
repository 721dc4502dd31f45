"""Ways out of the guard, and what happens to it when a connection is lost."""

import select
from contextlib import suppress

import pytest
from django.db import connections

from smoketest.clock import in_seconds
from smoketest.execution.guards import statements
from tests import waiting
from tests.app.guarding import rows, write
from tests.project.shop.models import FooModel


def test_committed_and_closed(guard, level, alias):
    """A connection that is closed below the guard is told of: what was committed before can't be seen any more."""
    with level():
        write(alias)
        raw = connections[alias].connection
        with suppress(BaseException):
            raw.commit()
        raw.close()

    violations = guard.violations()
    FooModel.objects.using(alias).all().delete()
    assert violations == [
        f"database {alias!r}: the driver's commit() refused",
        f"database {alias!r}: the connection was closed below the guard; what was written may stay",
    ]


def test_copy(guard, level, alias):
    """A copy of a connection would be outside the guard and is refused."""
    with pytest.raises(BaseException, match="a copy of the connection was asked for"), level():
        connections[alias].copy()

    assert guard.violations() == [f"database {alias!r}: a copy of the connection was asked for"]


def test_execute_wrapper(guard, level, alias):
    """Django's own `execute_wrapper`, opened before the first query, neither breaks the guard nor takes it away."""

    def wrapper(execute, *args):
        return execute(*args)

    with level():
        with connections[alias].execute_wrapper(wrapper):
            write(alias)
        with pytest.raises(BaseException, match="refused, it would end the transaction"):
            connections[alias].cursor().execute("COMMIT")

    assert len(guard.violations()) == 1
    assert rows(alias) == set()


@pytest.mark.needs("postgresql")
def test_connection_lost_between_levels(guard, level):
    """When a connection dies the tests after it get a new one, and nothing of the guard is upside down."""
    with level():
        write("postgresql", "class data")
        with level():
            with connections["postgresql"].cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                (pid,) = cursor.fetchone()
            terminate(pid)
            with pytest.raises(Exception, match="terminat"):
                rows("postgresql")
        with level():
            write("default")
    with level():
        seen = rows("postgresql"), rows("default")

    assert seen == (set(), set())
    assert guard.violations() == []
    assert guard.level_now == 0


def terminate(pid):
    plain = connections.create_connection("postgresql")
    with plain.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    plain.close()


_ENDS = {
    "postgresql": ("pg_backend_pid()", "SELECT pg_terminate_backend({}, 10000)"),
    "mariadb": ("CONNECTION_ID()", "KILL CONNECTION {}"),
}


@pytest.mark.parametrize("alias", ["postgresql", "mariadb"])
def test_connection_lost_while_unused(level, alias):
    """A connection that the server closed a moment ago, when no test used it, is not the next test's failure."""
    number, end = _ENDS[alias]
    plain = connections.create_connection(alias)
    with level(), connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT {number}")
        (before,) = cursor.fetchone()
        raw = connections[alias].connection

    with plain.cursor() as cursor:
        cursor.execute(end.format(before))
    plain.close()
    waiting.until(lambda: has_ended(raw), what="the end of the connection gets here")
    with level():
        seen = rows(alias)

    assert seen == set()


def has_ended(raw):
    """Tell whether the server has said anything to a driver's connection that is not in use."""
    poll = select.poll()
    poll.register(raw.fileno() if hasattr(raw, "fileno") else raw._sock.fileno(), select.POLLIN)
    return poll.poll(0)


def test_nothing_stays_open(level, alias):
    """After a level the connection is in no transaction and is used again."""
    with level():
        write(alias)
        raw = connections[alias].connection
    with level():
        again = connections[alias].connection

    assert raw is again
    assert connections[alias].in_atomic_block is False
    assert connections[alias].get_autocommit() is True


def test_abandon_frees_a_row(guard, level, alias):
    """What an abandoned test has locked can be written by others at once, and the test gets no further."""
    plain = connections.create_connection(alias)
    with plain.cursor() as cursor:
        cursor.execute("INSERT INTO shop_foomodel (name) VALUES ('in production')")

    with level():
        FooModel.objects.using(alias).filter(name="in production").update(name="changed")
        guard.abandon()
        with plain.cursor() as cursor:
            cursor.execute("UPDATE shop_foomodel SET name = 'written' WHERE name = 'in production'")
        with pytest.raises(BaseException, match="gets no further"):
            rows(alias)

    with plain.cursor() as cursor:
        cursor.execute("SELECT name FROM shop_foomodel")
        left = cursor.fetchall()
        cursor.execute("DELETE FROM shop_foomodel")
    plain.close()
    assert [name for (name,) in left] == ["written"]


@pytest.mark.needs("postgresql")
@pytest.mark.needs("mariadb")
@pytest.mark.parametrize(("alias", "sleep"), [("postgresql", "SELECT pg_sleep(600)"), ("mariadb", "SELECT SLEEP(600)")])
def test_statement_limit(guard, alias, sleep):
    """The database ends a statement that would outlast the test, and the thread stays whole."""
    with guard.level("__all__", in_seconds(0.4)), connections[alias].cursor() as cursor:
        try:
            cursor.execute(sleep)
            (interrupted,) = cursor.fetchone()
        except Exception:  # noqa: BLE001 (each driver has its own)
            interrupted = True

    assert interrupted


@pytest.mark.parametrize(
    "sql",
    [
        "COMMIT",
        "commit;",
        "  -- now\n COMMIT",
        "/* a */ /* b */ ROLLBACK",
        "SELECT 1; COMMIT",
        "START TRANSACTION",
        "SET autocommit = 1",
        "SET SESSION autocommit=1",
        "(COMMIT)",
        "END",
        "PREPARE TRANSACTION 'x'",
    ],
)
def test_statements_that_end_the_transaction(sql):
    """Statements that would end the transaction are known in whatever dress."""
    assert statements.violation(sql, can_rollback_ddl=True)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'a; begin b'",
        "DO $$ BEGIN PERFORM 1; END $$",
        'SELECT "commit" FROM t',
        "ROLLBACK TO SAVEPOINT x",
        "ROLLBACK WORK TO x",
        "SAVEPOINT x",
        "INSERT INTO t VALUES ('it''s; commit')",
        "UPDATE begins SET ended = 1",
        "/* a */ " * 200 + "SELECT 1",
    ],
)
def test_statements_that_do_not(sql):
    """And others are not taken for them, whatever stands in their strings."""
    assert not statements.violation(sql, can_rollback_ddl=True)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1", False),
        ("SELECT 1 FOR UPDATE", True),
        ("INSERT INTO t VALUES (1)", True),
        ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", True),
        ("SAVEPOINT x", False),
        ("CALL anything()", True),
    ],
)
def test_may_write(sql, expected):
    """What may lock or write is known, and what is not known counts as it."""
    assert statements.may_write(sql) is expected
