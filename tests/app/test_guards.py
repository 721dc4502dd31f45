"""Ways out of the guard, and what happens to it when a connection is lost."""

import select
import threading
from contextlib import closing, suppress

import pytest
from django.db import connections, transaction

from smoketest import SmokeTest
from smoketest.clock import in_seconds
from smoketest.execution.guards import mysql, own_connections, statements
from smoketest.execution.guards.own_connections import OwnConnections
from smoketest.execution.session import open_session, own_session
from smoketest.results import Cause
from tests import waiting
from tests.app.guarding import rows, write
from tests.core.making import make_step
from tests.outages import Proxy
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


def test_execute_wrapper_is_not_left_behind(level, alias):
    """One that was open at a test's first query has ended with its block, and the next test has none."""
    with level(), connections[alias].execute_wrapper(lambda execute, *args: execute(*args)):
        rows(alias)

    assert connections[alias].execute_wrappers == []


def test_execute_wrapper_where_nothing_begins(guard, alias):
    """Where the test gets no transaction it hears why, also inside an `execute_wrapper`."""
    with (
        guard.level(set(), in_seconds(20)),
        pytest.raises(BaseException, match="not among"),
        connections[alias].execute_wrapper(lambda execute, *args: execute(*args)),
    ):
        rows(alias)


SLEEP = {"postgresql": "SELECT pg_sleep(0.4)", "mariadb": "SELECT SLEEP(0.4)"}
TEMPORARY = "CREATE TEMPORARY TABLE left_behind (id integer)"


def test_limits_are_not_those_of_the_test_before(guard, alias):
    """A test that may commit has no limit in its database of the guarded test before it."""
    with guard.level("__all__", in_seconds(0.2)):
        rows(alias)

    with guard.unguarded(), connections[alias].cursor() as cursor:
        cursor.execute(SLEEP.get(alias, "PRAGMA busy_timeout"))
        row = cursor.fetchone()

    assert row in {(5000,), ("",), (0,)}


def test_session_of_a_test_that_commits(guard, level, alias):
    """What a test that may commit leaves in its session is not there for the guarded test after it."""
    with guard.unguarded(), connections[alias].cursor() as cursor:
        cursor.execute(TEMPORARY)

    with level(), pytest.raises(Exception, match="left_behind"), connections[alias].cursor() as cursor:
        cursor.execute("SELECT * FROM left_behind")


@pytest.mark.needs("mariadb")
def test_abandoned_fixture_of_a_class_that_commits(production):
    """What it has locked is free at once, as a test's own."""
    is_locked, go_on, sessions = threading.Event(), threading.Event(), []

    class CommittingTest(SmokeTest):
        rolled_back = False

        @classmethod
        def setUpClass(cls):
            with transaction.atomic(using="mariadb"):
                FooModel.objects.using("mariadb").update(name="changed")
                is_locked.set()
                go_on.wait(60)

        def test_it(self):
            pass

    def work():
        with closing(open_session()) as session:
            sessions.append(session)
            session.execute(step, CommittingTest, in_seconds(20))

    production("mariadb", "INSERT INTO shop_foomodel (name) VALUES ('in production')")
    step = make_step("CommittingTest.test_it", is_rolled_back=False, scopes=("CommittingTest",))
    thread = threading.Thread(target=work)
    thread.start()
    is_locked.wait(20)

    sessions[0].abandon()
    with suppress(Exception):
        production("mariadb", "SET innodb_lock_wait_timeout = 2")
        production("mariadb", "UPDATE shop_foomodel SET name = 'written'")
    go_on.set()
    thread.join()

    left = production("mariadb", "SELECT name FROM shop_foomodel")
    production("mariadb", "DELETE FROM shop_foomodel")
    assert left == [("written",)]


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


def test_abandoned_before_it_touched(guard, level, alias):
    """A test that was given up before it touched a database opens no connection any more."""
    with level():
        guard.abandon()
        with pytest.raises(BaseException, match="gets no further"):
            rows(alias)

    assert not connections[alias].is_open
    assert connections[alias].connection is None


def test_abandoned_test_takes_no_turn(guard, level):
    """A test that was given up does not take the turn to write, with a cursor that it has from before neither."""
    with level():
        cursor = connections["default"].cursor()
        guard.abandon()
        with pytest.raises(BaseException, match="does not write any more"):
            cursor.execute("DELETE FROM shop_foomodel")
        is_free = turn_is_free()

    assert is_free


def test_abandoned_test_writes_nothing(guard, level, alias, production):
    """A test that was given up writes nothing by the driver either: its transaction has gone, and the next is none."""
    insert = "INSERT INTO shop_foomodel (name) VALUES ('escaped')"
    with level():
        raw = connections[alias].connection
        raw.cursor().execute(insert)
        guard.abandon()
        with suppress(BaseException):
            raw.cursor().execute(insert)

    assert production(alias, "SELECT * FROM shop_foomodel") == []


def test_abandoned_test_that_commits(guard, alias, production):
    """Of a test that may commit, too, what it has locked is free at once, and it gets no further."""
    production(alias, "INSERT INTO shop_foomodel (name) VALUES ('in production')")
    reached = []

    with guard.unguarded(), suppress(BaseException), transaction.atomic(using=alias):
        FooModel.objects.using(alias).update(name="changed")
        guard.abandon()
        production(alias, "UPDATE shop_foomodel SET name = 'written' WHERE name = 'in production'")
        reached.append("the end of the lock")
        write(alias)
        reached.append("the end")

    assert reached == ["the end of the lock"]
    assert production(alias, "SELECT name FROM shop_foomodel") == [("written",)]


@pytest.mark.needs("mariadb")
def test_abandon_after_a_restart(level, production):
    """A server that has started anew is not asked to end the connection to which it has given the test's number."""
    ((number,),) = production("mariadb", "SELECT CONNECTION_ID()")

    with level():
        write("mariadb")
        guarded = connections["mariadb"]
        guarded._thread_id, guarded._opened_at = number, -float("inf")  # from before the server's start
        guarded.abandon()

    assert production("mariadb", "SELECT CONNECTION_ID()") == [(number,)]


@pytest.mark.needs("mariadb")
def test_abandon_while_the_server_stands_still(frozen_mariadb):
    """Where a server doesn't let a test's locks go, writers to other databases get their turn all the same."""
    guard = OwnConnections()
    with guard.level("__all__", in_seconds(20)):
        write("mariadb")
        with frozen_mariadb():
            giving_up = threading.Thread(target=guard.abandon)
            giving_up.start()
            is_free = turn_is_free()
        giving_up.join()
    guard.close()

    assert is_free


def turn_is_free():
    """Tell whether another one gets the turn to write, within a while."""
    taker = object()
    is_free = own_connections._turns.take(taker, in_seconds(5))
    own_connections._turns.give_back(taker)
    return is_free


@pytest.fixture
def frozen_mariadb(monkeypatch):
    """Let MariaDB stand still for a while, for the guards that are made in the test."""
    settings = connections.settings["mariadb"]
    proxy = Proxy(settings["HOST"], settings["PORT"])
    proxy.start()
    monkeypatch.setitem(settings, "PORT", proxy.port)
    yield proxy.frozen
    proxy.stop()


@pytest.mark.needs("postgresql")
def test_idle_limit_is_each_tests_own(guard):
    """A transaction that spans several tests is kept by the server for as long as the one that runs may take."""
    with guard.level("__all__", in_seconds(1)):
        rows("postgresql")
        with guard.level("__all__", in_seconds(100)), connections["postgresql"].cursor() as cursor:
            cursor.execute("SELECT setting::int FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'")
            (milliseconds,) = cursor.fetchone()

    assert milliseconds > 100_000


@pytest.mark.needs("mariadb")
def test_answer_that_takes_long(guard, monkeypatch):
    """An answer is waited for as long as its test may take, on a connection from before too."""
    monkeypatch.setattr(mysql, "_READ_SECONDS", 1)
    monkeypatch.setattr(mysql, "_MORE_SECONDS", 0)
    with guard.level("__all__", in_seconds(0.5)):
        rows("mariadb")

    with guard.level("__all__", in_seconds(20)), connections["mariadb"].cursor() as cursor:
        cursor.execute("SELECT SLEEP(1.2)")
        (interrupted,) = cursor.fetchone()

    assert not interrupted


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


_SLEEP = {
    "postgresql": "SELECT pg_sleep(600)",
    "mariadb": "SELECT COUNT(*) FROM seq_1_to_1000000000 AS a, seq_1_to_1000000000 AS b WHERE a.seq < b.seq",
}
_OWN_LIMIT = {"postgresql": "SET LOCAL statement_timeout = 100", "mariadb": "SET SESSION max_statement_time = 0.1"}


def cause_of(alias, *, sql, seconds):
    """Return why a test is errored that runs the statements and has so many seconds, which the database keeps."""

    def test_it(_self):  # noqa: PT019 (no fixture, a method)
        with connections[alias].cursor() as cursor:
            for each in sql:
                cursor.execute(each)

    test_class = type("QueryTest", (SmokeTest,), {"test_it": test_it})
    step = make_step("queries.smoke.QueryTest.test_it", timeout_seconds=seconds)
    with own_session({step.id: test_class}) as run:
        return run(step).cause


@pytest.mark.needs("postgresql")
@pytest.mark.needs("mariadb")
@pytest.mark.parametrize("alias", ["postgresql", "mariadb"])
def test_time_limit_that_the_database_keeps(alias):
    """A statement that the database ends for the test's own limit is a timeout, whoever keeps the limit."""
    assert cause_of(alias, sql=[_SLEEP[alias]], seconds=0.5) is Cause.TIMEOUT


@pytest.mark.needs("postgresql")
@pytest.mark.needs("mariadb")
@pytest.mark.parametrize("alias", ["postgresql", "mariadb"])
def test_time_limit_of_a_test_for_itself(alias):
    """A statement that ends for a shorter limit, which the test has set, has raised."""
    assert cause_of(alias, sql=[_OWN_LIMIT[alias], _SLEEP[alias]], seconds=20) is Cause.EXCEPTION


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
