"""What a test may do in a SQLite file that others write to meanwhile."""

import sqlite3
from contextlib import closing

import pytest
from django.db import OperationalError, connections, transaction

from tests.app.guarding import rows, write


@pytest.fixture(autouse=True)
def _write_ahead_log():
    """Readers and a writer side by side, as production has it."""
    with closing(sqlite3.connect(connections.settings["default"]["NAME"])) as other:
        other.execute("PRAGMA journal_mode = WAL")
        yield
        other.execute("DELETE FROM shop_foomodel")
        other.commit()
        connections["default"].close()
        other.execute("PRAGMA journal_mode = DELETE")


@pytest.mark.parametrize("is_of_class", [False, True])
def test_write_after_production_has_written(guard, level, production, is_of_class):
    """What a test has read before takes no write from it: in production these are transactions of their own."""
    with level():
        if is_of_class:
            rows("default")
        with level():
            rows("default")
            production("default", "INSERT INTO shop_foomodel (name) VALUES ('production')")
            write("default")
            seen = rows("default")
        after = rows("default")

    assert seen == {"production", "escaped"}
    assert after == rows("default") == {"production"}
    assert guard.violations() == []


def test_write_in_atomic_after_production_has_written(level, production):
    """Inside `atomic` it is refused as in production."""
    with level(), transaction.atomic("default"):
        rows("default")
        production("default", "INSERT INTO shop_foomodel (name) VALUES ('production')")
        with pytest.raises(OperationalError, match="locked"):
            write("default")


def test_write_of_rows_from_an_iterator(level, production):
    """What an iterator has given once it does not give again: no row is left out, the write is refused."""
    with level():
        rows("default")
        production("default", "INSERT INTO shop_foomodel (name) VALUES ('production')")
        with connections["default"].cursor() as cursor, pytest.raises(OperationalError, match="locked"):
            cursor.executemany("INSERT INTO shop_foomodel (name) VALUES (%s)", iter([["a"], ["b"]]))
