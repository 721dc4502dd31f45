"""What a test does with the driver's own connection, below Django."""

import sqlite3
from contextlib import suppress

import psycopg
import pymysql
import pytest
from django.db import connections, transaction

from tests.app.guarding import rows, write
from tests.project.shop.models import FooModel


def raw(alias):
    return connections[alias].connection


def commit_by_cursor(alias):
    raw(alias).cursor().execute("COMMIT")


def commit_by_comment(alias):
    raw(alias).cursor().execute("/* now */ commit")


def commit_by_method(alias):
    raw(alias).commit()


def roll_back_by_method(alias):
    raw(alias).rollback()


def begin_anew(alias):
    raw(alias).cursor().execute("COMMIT")
    raw(alias).cursor().execute("BEGIN")


@pytest.mark.parametrize(
    "escape", [commit_by_cursor, commit_by_comment, commit_by_method, roll_back_by_method, begin_anew]
)
def test_ends_of_a_transaction(guard, level, alias, escape, production):
    """A transaction can't be ended by the driver: nothing stays, and it is told even where it is swallowed."""
    with level():
        write(alias)
        with suppress(BaseException):
            escape(alias)
        write(alias, "later")

    assert len(guard.violations()) >= 1
    assert production(alias, "SELECT name FROM shop_foomodel") == []


def test_swallowed_by_one_goes_on_for_the_next(guard, level, alias):
    """The test after it has a sound transaction."""
    with level(), suppress(BaseException):
        commit_by_method(alias)
    guard.violations()
    with level():
        write(alias)
        seen = rows(alias)

    assert seen == {"escaped"}
    assert guard.violations() == []
    assert rows(alias) == set()


def test_allowed_by_the_driver(guard, level, alias):
    """Reading, writing, savepoints and their rollback are as good by the driver as by Django."""
    with level():
        cursor = raw(alias).cursor()
        cursor.execute("INSERT INTO shop_foomodel (name) VALUES ('raw')")
        cursor.execute("SAVEPOINT mine")
        cursor.execute("ROLLBACK TO SAVEPOINT mine")
        cursor.execute("SELECT name FROM shop_foomodel")
        (seen,) = cursor.fetchall()
        cursor.close()

    assert tuple(seen) == ("raw",)
    assert guard.violations() == []
    assert rows(alias) == set()


@pytest.mark.needs("postgresql")
def test_psycopg_extras(guard, level):
    """Psycopg's ways around its cursors are refused alike, and its own nested transactions work."""
    from psycopg import sql

    with level():
        with raw("postgresql").transaction():
            raw("postgresql").execute("INSERT INTO shop_foomodel (name) VALUES ('raw')")
        for act in (
            lambda: raw("postgresql").execute("COMMIT"),
            lambda: raw("postgresql").execute(b"COMMIT"),
            lambda: raw("postgresql").execute(sql.SQL("COMMIT")),
        ):
            with pytest.raises(BaseException, match="refused, it would end the transaction"):
                act()

    assert guard.violations() == ["database 'postgresql': refused, it would end the transaction: COMMIT"]
    assert rows("postgresql") == set()


@pytest.mark.needs("postgresql")
def test_below_the_cursors_of_psycopg(guard, level, production):
    """What gets past the driver's cursors is told: the guard sees at its end that the transaction is another."""
    with level():
        write("postgresql")
        raw("postgresql").pgconn.exec_(b"COMMIT")

    left = production("postgresql", "SELECT name FROM shop_foomodel")
    production("postgresql", "DELETE FROM shop_foomodel")
    assert left == [("escaped",)]
    assert guard.violations() == ["database 'postgresql': the test ended its transaction; what it wrote may stay"]


@pytest.mark.needs("postgresql")
def test_advisory_lock(level, production):
    """A lock that a session keeps beyond its transaction goes with the session."""
    with level(), connections["postgresql"].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(4711)")

    assert production("postgresql", "SELECT pg_try_advisory_lock(4711)") == [(True,)]


@pytest.mark.needs("mariadb")
def test_named_lock(level, production):
    """The same on MariaDB."""
    with level(), connections["mariadb"].cursor() as cursor:
        cursor.execute("SELECT GET_LOCK('smoketest', 1)")

    assert production("mariadb", "SELECT IS_FREE_LOCK('smoketest')") == [(1,)]


@pytest.mark.needs("mariadb")
def test_session_variable(level):
    """What a test sets for its session is not there for the next."""
    with level(), connections["mariadb"].cursor() as cursor:
        cursor.execute("SET SESSION sql_mode = 'ANSI'")
    with level(), connections["mariadb"].cursor() as cursor:
        cursor.execute("SELECT @@sql_mode")
        (mode,) = cursor.fetchone()

    assert "ANSI" not in mode


def test_pragma(level):
    """The same for a PRAGMA on SQLite."""
    with level(), connections["default"].cursor() as cursor:
        cursor.execute("PRAGMA query_only = 1")
    with level():
        write("default")
        seen = rows("default")

    assert seen == {"escaped"}


def test_introspection_keeps_the_connection(level):
    """A PRAGMA that only asks costs no new connection."""
    with level():
        connections["default"].introspection.get_table_description(connections["default"].cursor(), "shop_foomodel")
        first = raw("default")
    with level():
        again = raw("default")

    assert first is again


def test_attach(guard, level, tmp_path):
    """Another file can't be taken into the connection of SQLite, where it would stay."""
    with level(), pytest.raises(Exception, match="not authorized"):
        raw("default").execute(f"ATTACH DATABASE '{tmp_path / 'other.sqlite3'}' AS beside")

    assert guard.violations() == ["database 'default': ATTACH denied"]
    assert not (tmp_path / "other.sqlite3").exists()


SQLITE3_COMMITS = {
    "isolation_level": lambda connection: setattr(connection, "isolation_level", None),
    "executescript": lambda connection: connection.executescript("DELETE FROM shop_foomodel"),
    "script": lambda connection: connection.executescript("COMMIT; BEGIN"),
    "context": lambda connection: connection.__exit__(None, None, None),
}


@pytest.mark.parametrize("escape", SQLITE3_COMMITS.values(), ids=SQLITE3_COMMITS)
def test_sqlite3_ways_to_commit(guard, level, production, escape):
    """The ways of Python's sqlite3 that commit by themselves are denied by SQLite."""
    with level():
        write("default")
        with suppress(Exception):
            escape(raw("default"))

    assert "database 'default': COMMIT denied" in guard.violations()
    assert production("default", "SELECT name FROM shop_foomodel") == []


def test_authorizer_stays(guard, level):
    """What denies is not to be taken away."""
    with level():
        write("default")
        with pytest.raises(BaseException, match=r"set_authorizer\(\) refused"):
            raw("default").set_authorizer(None)

    assert guard.violations() == ["database 'default': the driver's set_authorizer() refused"]


def test_without_the_authorizer(guard, level, production):
    """Who takes it away all the same and commits is told of."""
    with level():
        write("default")
        sqlite3.Connection.set_authorizer(raw("default"), None)
        sqlite3.Connection.commit(raw("default"))

    left = production("default", "SELECT name FROM shop_foomodel")
    production("default", "DELETE FROM shop_foomodel")
    assert left == [("escaped",)]
    assert guard.violations() == ["database 'default': the test ended its transaction; what it wrote may stay"]


@pytest.fixture(params=["MyISAM", "Aria"])
def plain_table(request, production):
    """A table of MariaDB without transactions, and a trigger that writes to it."""
    production("mariadb", f"CREATE TABLE plain_table (name varchar(100)) ENGINE={request.param}")
    yield
    production("mariadb", "DROP TABLE plain_table")


@pytest.mark.needs("mariadb")
@pytest.mark.usefixtures("plain_table")
@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO plain_table VALUES ('escaped')",
        "insert ignore into `plain_table` (name) select 'escaped'",
        "REPLACE plain_table VALUES ('escaped')",
        "UPDATE `plain_table` SET name = 'escaped'",
        "DELETE FROM plain_table",
    ],
)
def test_table_without_transactions(guard, level, production, sql):
    """A write to a table that can't be rolled back is refused."""
    with level(), connections["mariadb"].cursor() as cursor:
        cursor.execute("SELECT name FROM plain_table")
        cursor.execute("INSERT INTO shop_foomodel (name) SELECT name FROM plain_table")
        with pytest.raises(BaseException, match="refused, table plain_table has no transactions"):
            cursor.execute(sql)

    assert production("mariadb", "SELECT * FROM plain_table") == []
    assert len(guard.violations()) == 1


@pytest.mark.needs("mariadb")
@pytest.mark.usefixtures("plain_table")
def test_table_without_transactions_by_a_trigger(guard, level, production):
    """Where it can't be seen in the statement, it is told: the server says so when it rolls back."""
    production(
        "mariadb", "CREATE TRIGGER t AFTER INSERT ON shop_foomodel FOR EACH ROW INSERT INTO plain_table VALUES ('x')"
    )
    with level():
        write("mariadb")
    production("mariadb", "DROP TRIGGER t")

    assert production("mariadb", "SELECT * FROM plain_table") == [("x",)]
    assert guard.violations() == [
        "database 'mariadb': a table without transactions was written to, which stays",
    ]


@pytest.mark.needs("mariadb")
@pytest.mark.parametrize("sql", ["LOCK TABLES shop_foomodel WRITE", "TRUNCATE shop_foomodel", "FLUSH TABLES"])
def test_implicit_commit(guard, level, production, sql):
    """What commits by the way is refused by Django's cursor and by the driver's."""
    with level():
        write("mariadb")
        with pytest.raises(BaseException, match="refused, the database would commit"):
            connections["mariadb"].cursor().execute(sql)
        with pytest.raises(BaseException, match="refused, the database would commit"):
            raw("mariadb").cursor().execute(sql)

    assert len(guard.violations()) == 1
    assert production("mariadb", "SELECT name FROM shop_foomodel") == []


def test_close(guard, level, alias):
    """`connection.close()` and `close_all()` do nothing while a test lasts."""
    with level():
        write(alias)
        connections[alias].close()
        connections.close_all()
        seen = rows(alias)

    assert seen == {"escaped"}
    assert guard.violations() == []
    assert rows(alias) == set()


def test_iterator(guard, level, alias):
    """A server-side cursor works outside and inside an atomic block, half read too, and sees the test's own rows."""
    with level():
        for name in "abc":
            write(alias, name)
        outside = [row.name for row in FooModel.objects.using(alias).order_by("name").iterator(chunk_size=1)]
        with transaction.atomic(using=alias):
            inside = next(FooModel.objects.using(alias).order_by("name").iterator(chunk_size=1)).name

    assert outside == ["a", "b", "c"]
    assert inside == "a"
    assert guard.violations() == []
    assert rows(alias) == set()


def test_select_for_update(guard, level, alias, production):
    """`select_for_update` works inside an atomic block, as in production, and its locks go with the test."""
    production(alias, "INSERT INTO shop_foomodel (name) VALUES ('row')")

    with level(), transaction.atomic(using=alias):
        locked = list(FooModel.objects.using(alias).select_for_update())
    production(alias, "UPDATE shop_foomodel SET name = 'written'")

    assert [row.name for row in locked] == ["row"]
    assert guard.violations() == []


def test_driver_is_free_again(guard, alias, production):
    """Outside of a level the driver's connection does what it is told: a test marked @commits may commit."""
    with guard.unguarded():
        connections[alias].set_autocommit(False)
        write(alias, "meant to stay")
        raw(alias).commit()
        connections[alias].set_autocommit(True)

    assert production(alias, "SELECT name FROM shop_foomodel") == [("meant to stay",)]
    assert guard.violations() == []


def test_connect(guard, level, alias):
    """Django's `connect()` opens no connection beside the one that is guarded, before the first query or after."""
    with level():
        connections[alias].connect()
        write(alias)
        connections[alias].connect()
        seen = rows(alias)

    assert seen == {"escaped"}
    assert guard.violations() == []
    assert rows(alias) == set()


def test_driver_thrown_away(guard, level, alias, production):
    """The driver's connection can't be thrown away, which would leave it open with its locks."""
    with level():
        write(alias)
        with pytest.raises(BaseException, match="was to be replaced"):
            connections[alias].connection = None

    production(alias, "INSERT INTO shop_foomodel (name) VALUES ('escaped')")
    assert len(guard.violations()) == 1


def set_manner(alias):
    name, value = {
        "default": ("row_factory", lambda _cursor, row: dict(enumerate(row))),
        "postgresql": ("cursor_factory", psycopg.ClientCursor),
        "mariadb": ("cursorclass", pymysql.cursors.DictCursor),
    }[alias]
    setattr(raw(alias), name, value)


def add_wrapper(alias):
    connections[alias].execute_wrappers.append(lambda *_: None)


@pytest.mark.parametrize("change", [set_manner, add_wrapper])
def test_manners_of_a_connection(level, alias, change):
    """How rows and cursors are made is for the next test as it was, and its cursors are under the guard."""
    with level():
        rows(alias)
        change(alias)
    with level():
        cursor = raw(alias).cursor()
        cursor.execute("SELECT 1")
        row = cursor.fetchone()
        with pytest.raises(BaseException, match=r"refused|not authorized|cannot be executed"):
            cursor.execute("COMMIT")
        seen = rows(alias)

    assert row == (1,)
    assert seen == set()
    assert rows(alias) == set()
