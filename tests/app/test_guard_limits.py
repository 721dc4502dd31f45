"""What docs/guard.md says of what the guard doesn't undo, doesn't see, and leaves to the server."""

import sqlite3
from contextlib import closing
from dataclasses import replace

import psycopg
import pytest
from django.conf import settings
from django.db import InternalError, OperationalError, connections, transaction
from django.db.models import Max

from smoketest import SmokeTest
from smoketest.clock import in_seconds
from smoketest.execution.guards.own_connections import OwnConnections
from smoketest.execution.session import open_session
from smoketest.loading import discover_within
from smoketest.results import Outcome
from smoketest.suite.discover import App
from tests.app.guarding import rows, write
from tests.core.making import make_step
from tests.project.shop.models import FooModel

_LONGER_THAN_NO_TIME = {"postgresql": "SELECT pg_sleep(0.15)", "mariadb": "SELECT SLEEP(0.3)"}


def cursor(alias):
    return connections[alias].cursor()


@pytest.mark.parametrize(
    ("alias", "used_up"),
    [
        ("default", 0),
        pytest.param("postgresql", 2, marks=pytest.mark.needs("postgresql")),
        pytest.param("mariadb", 2, marks=pytest.mark.needs("mariadb")),
    ],
)
def test_numbers(level, production, alias, used_up):
    """The numbers that a test's rows had are used up, but on SQLite."""
    production(alias, "INSERT INTO shop_foomodel (name) VALUES ('before')")
    before = FooModel.objects.using(alias).aggregate(last=Max("id"))["last"]
    with level():
        write(alias, "first")
        write(alias, "second")
    production(alias, "INSERT INTO shop_foomodel (name) VALUES ('after')")
    after = FooModel.objects.using(alias).get(name="after").pk
    production(alias, "DELETE FROM shop_foomodel")

    assert after == before + 1 + used_up


@pytest.mark.needs("postgresql")
def test_notify(level, production):
    """PostgreSQL sends no notification of a test."""
    production("postgresql", "SELECT 1")
    parameters = connections["postgresql"].get_connection_params()
    named = {name: parameters[name] for name in ("dbname", "user", "password", "host", "port") if name in parameters}
    with psycopg.connect(**named, autocommit=True) as listener:
        listener.execute("LISTEN news")
        with level(), cursor("postgresql") as open_cursor:
            open_cursor.execute("SELECT pg_notify('news', 'of a test')")
        production("postgresql", "SELECT pg_notify('news', 'of production')")
        told = [each.payload for each in listener.notifies(timeout=10, stop_after=1)]

    assert told == ["of production"]


@pytest.mark.needs("postgresql")
def test_session(guard, level):
    """PostgreSQL takes back what a test has set for its session; what it has prepared goes with the connection."""
    with level(), cursor("postgresql") as open_cursor:
        open_cursor.execute("SET search_path = pg_catalog; LISTEN news; PREPARE plan AS SELECT 1")
    with level(), cursor("postgresql") as open_cursor:
        open_cursor.execute(
            "SELECT current_setting('search_path'), (SELECT count(*) FROM pg_listening_channels()),"
            " (SELECT count(*) FROM pg_prepared_statements WHERE name = 'plan')"
        )
        seen = open_cursor.fetchone()

    assert seen == ('"$user", public', 0, 0)
    assert guard.violations() == []


@pytest.mark.needs("postgresql")
@pytest.mark.parametrize(
    "sql",
    [
        "VACUUM",
        "CREATE DATABASE escaped",
        "ALTER SYSTEM SET work_mem = '4MB'",
        "CREATE INDEX CONCURRENTLY escaped ON shop_foomodel (name)",
        "DO $$ BEGIN COMMIT; END $$",
    ],
)
def test_refused_by_postgresql(guard, level, sql):
    """What PostgreSQL does in no transaction it refuses by itself, so that the cause is the exception."""
    with level(), cursor("postgresql") as open_cursor, pytest.raises(InternalError):
        open_cursor.execute(sql)

    assert guard.violations() == []


@pytest.mark.needs("mariadb")
def test_of_all_sessions(guard, level, production):
    """A variable of the whole server is set for good, and nobody is told."""
    ((value,),) = production("mariadb", "SELECT @@global.max_connect_errors")

    with level(), cursor("mariadb") as open_cursor:
        open_cursor.execute(f"SET GLOBAL max_connect_errors = {value}")  # to what it is

    assert guard.violations() == []


@pytest.mark.needs("mariadb")
def test_functions_that_the_limit_ends(guard):
    """MariaDB's limit ends SLEEP with an error, and lets BENCHMARK return as if it were done."""
    with guard.level("__all__", in_seconds(0.5)), cursor("mariadb") as open_cursor, pytest.raises(OperationalError):
        open_cursor.execute("SELECT SLEEP(20)")
    with guard.level("__all__", in_seconds(0.5)), cursor("mariadb") as open_cursor:
        open_cursor.execute("SELECT BENCHMARK(20000000000, MD5('a'))")
        answer = open_cursor.fetchone()

    assert answer == (0,)


def test_beside(guard, level):
    """A connection that a driver opens by itself is seen by nobody, and what it writes stays."""
    with level():
        beside = sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None)
        beside.execute("INSERT INTO shop_foomodel (name) VALUES ('beside')")
        beside.close()
    left = rows("default")
    FooModel.objects.all().delete()

    assert left == {"beside"}
    assert guard.violations() == []


def test_on_import(tmp_path, monkeypatch):
    """What a smoke module does when it is imported is outside any test, and stays."""
    folder = tmp_path / "writes_on_import"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "smoke.py").write_text(
        "from tests.project.shop.models import FooModel\nFooModel.objects.create(name='on import')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    found = discover_within((App(name="writes_on_import", label="writes"),), 10)
    left = rows("default")
    FooModel.objects.all().delete()

    assert found.broken == {}
    assert left == {"on import"}


@pytest.mark.parametrize("mode", ["IMMEDIATE", "EXCLUSIVE"])
def test_transaction_mode_of_sqlite(monkeypatch, production, mode):
    """A test that only reads holds up nobody's write, whatever mode production begins its transactions in."""
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", {"transaction_mode": mode, "timeout": 0})
    with closing(OwnConnections()) as guard, guard.level("__all__", in_seconds(20)):
        rows("default")
        production("default", "BEGIN IMMEDIATE")
        production("default", "ROLLBACK")


def test_transaction_mode_of_a_test_that_commits(monkeypatch, production):
    """A test marked `@commits` begins its transactions as production does."""
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", {"transaction_mode": "IMMEDIATE", "timeout": 0})
    with (
        closing(OwnConnections()) as guard,
        guard.unguarded(),
        transaction.atomic(),
        pytest.raises(OperationalError, match="locked"),
    ):
        production("default", "BEGIN IMMEDIATE")


def test_read_without_write_ahead_log(monkeypatch, level, production):
    """In SQLite's oldest mode a test that has only read holds up production's commit."""
    monkeypatch.setitem(connections.settings["default"], "OPTIONS", {"timeout": 0})
    with level():
        rows("default")
        with pytest.raises(OperationalError, match="locked"):
            production("default", "INSERT INTO shop_foomodel (name) VALUES ('late')")

    assert rows("default") == set()


class TwoTests(SmokeTest):
    """What the fixtures of a class stand around."""

    abstract = True

    def test_first(self):
        pass

    def test_last(self):
        pass


def run_both(test_class, *, first_seconds):
    """Run both tests of a class, the first within a time of its own, and return the result of the last."""
    scope = f"limits.smoke.{test_class.__name__}"
    first, last = (make_step(f"{scope}.{name}", scopes=(scope,)) for name in ("test_first", "test_last"))
    with closing(open_session()) as session:
        session.execute(replace(first, keeps=1), test_class, in_seconds(first_seconds))
        return session.execute(last, test_class, in_seconds(20))


@pytest.mark.parametrize("alias", [pytest.param(each, marks=pytest.mark.needs(each)) for each in _LONGER_THAN_NO_TIME])
def test_tear_down_after_the_first_tests_deadline(alias):
    """What a class does in a database after its last test has that test's time, not the first one's."""

    class TearDownTest(TwoTests):
        @classmethod
        def tearDownClass(cls):
            with cursor(alias) as open_cursor:
                open_cursor.execute(_LONGER_THAN_NO_TIME[alias])

    result = run_both(TearDownTest, first_seconds=-1)

    assert (result.outcome, result.message) == (Outcome.PASSED, "")


@pytest.mark.needs("postgresql")
def test_tear_down_of_a_class_that_was_set_up_in_the_first_tests_time():
    """The limit of a statement is the last test's too where the class has touched the database before."""
    seen = []

    class SetUpTest(TwoTests):
        @classmethod
        def setUpClass(cls):
            rows("postgresql")

        @classmethod
        def tearDownClass(cls):
            with cursor("postgresql") as open_cursor:
                open_cursor.execute("SELECT setting::int FROM pg_settings WHERE name = 'statement_timeout'")
                seen.extend(open_cursor.fetchone())

    run_both(SetUpTest, first_seconds=1)

    assert 15_000 < seen[0] <= 20_000
