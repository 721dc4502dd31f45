"""A write that is given up while it waits for SQLite's lock takes nothing along: the process lives on."""

import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import suppress

from django.db import connections

from smoketest.clock import in_seconds
from smoketest.execution.guards.own_connections import OwnConnections

SCRIPT = """
import django
from django.conf import settings

database = {"ENGINE": "django.db.backends.sqlite3", "NAME": "%s"}
settings.configure(DATABASES={"default": database}, INSTALLED_APPS=["smoketest"])
django.setup()

from tests.app.test_late_writers import give_up_late_writes
give_up_late_writes(rounds=20)
"""


def give_up_late_writes(*, rounds):
    """Give up so many writes while they wait for somebody else's lock; in a process of its own, which may crash."""
    production = sqlite3.connect(connections.settings["default"]["NAME"], isolation_level=None)
    production.execute("PRAGMA journal_mode = wal")
    production.execute("CREATE TABLE kept (name)")
    for _ in range(rounds):
        production.execute("BEGIN IMMEDIATE")
        guards, waits = [], threading.Event()
        writer = threading.Thread(target=write, args=(guards, waits))
        writer.start()
        assert waits.wait(10)
        guards[0].abandon()
        production.execute("ROLLBACK")
        writer.join(10)


def write(guards, waits):
    """Write under a guard of this thread, and close what it has opened; SQLite tells when it begins that, and waits."""
    guard = OwnConnections()
    guards.append(guard)
    with suppress(Exception), guard.level("__all__", in_seconds(0.3)), connections["default"].cursor() as cursor:
        connections["default"].connection.set_trace_callback(lambda sql: waits.set() if "INSERT" in sql else None)
        cursor.execute("INSERT INTO kept VALUES ('late')")
    guard.close()


def test_late_writer(tmp_path):
    """Nobody else is at work on a connection of SQLite while the test's own thread closes it, which would crash."""
    command = [sys.executable, "-c", SCRIPT % (tmp_path / "db.sqlite3")]

    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert ended.returncode != -signal.SIGSEGV
    assert ended.returncode == 0, ended.stderr
