"""smoketest.contrib.databases, on real servers and files."""

import pytest
from django.core.management import call_command
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings

from smoketest.contrib import databases
from smoketest.results import Outcome
from tests.contrib.clusters import OwnPostgreSQL
from tests.contrib.running import results_of


def results(alias):
    """Return the results of the tests of that database alone."""
    return results_of(databases.DatabasesTest, databases={alias})


def outcomes(alias):
    return {name: result.outcome for name, result in results(alias).items()}


@pytest.fixture
def sqlite(database, tmp_path):
    """The alias of a migrated SQLite database of the test's own."""
    alias = database(NAME=tmp_path / "own.sqlite3")
    call_command("migrate", database=alias, verbosity=0, interactive=False)
    connections[alias].close()
    return alias


@pytest.fixture
def cluster():
    """A PostgreSQL server that runs."""
    cluster = OwnPostgreSQL()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.remove()


def test_answers_and_is_migrated(sqlite):
    """A database that answers and has all migrations passes."""
    assert outcomes(sqlite) == {"test_answer": Outcome.PASSED, "test_are_migrated": Outcome.PASSED}


def test_server_stopped(database, cluster):
    """A PostgreSQL that runs passes; stopped, it fails with its address and without its password."""
    alias = database(**cluster.settings)
    call_command("migrate", database=alias, verbosity=0, interactive=False)
    connections[alias].close()

    before = outcomes(alias)
    cluster.stop()
    after = results(alias)

    assert set(before.values()) == {Outcome.PASSED}
    assert {result.outcome for result in after.values()} == {Outcome.FAILED}
    message = after["test_answer"].message
    assert (
        f"database 'own' (postgresql postgres at 127.0.0.1:{cluster.port}) does not answer: OperationalError" in message
    )
    assert "Look whether its server runs" in message
    assert "s3cret" not in str(after)


def test_file_removed(sqlite, tmp_path):
    """An SQLite database whose file is gone fails, and no empty one is made in its place."""
    (tmp_path / "own.sqlite3").unlink()

    result = results(sqlite)["test_answer"]

    assert result.outcome is Outcome.FAILED
    assert "own.sqlite3): the file is not there. Look whether its disk is mounted, or restore it" in result.message
    assert not (tmp_path / "own.sqlite3").exists()


def test_migration_missing(sqlite):
    """A migration that is in the code and not in the database fails, by name and with the command that mends it."""
    MigrationRecorder(connections[sqlite]).record_unapplied("auth", "0012_alter_user_first_name_max_length")
    connections[sqlite].close()

    found = results(sqlite)

    assert found["test_answer"].outcome is Outcome.PASSED
    assert found["test_are_migrated"].outcome is Outcome.FAILED
    assert (
        "lacks 1 migrations: auth.0012_alter_user_first_name_max_length. "
        "Run `manage.py migrate --database own` with the code of this release" in found["test_are_migrated"].message
    )


class NothingInOwn:
    """Routes all models past the database."""

    def allow_migrate(self, db, _app_label, **_hints):
        return db != "own"


class ContentTypesInOwn(NothingInOwn):
    """Routes all models but the content types past it."""

    def allow_migrate(self, db, app_label, **hints):
        return app_label == "contenttypes" or super().allow_migrate(db, app_label, **hints)


@pytest.fixture
def empty(database, tmp_path):
    """The alias of a database without any table."""
    (tmp_path / "empty.sqlite3").touch()
    return database(NAME=tmp_path / "empty.sqlite3")


def test_database_without_migrations(empty):
    """A database in which nothing has been migrated lacks all."""
    assert outcomes(empty)["test_are_migrated"] is Outcome.FAILED


@override_settings(DATABASE_ROUTERS=[f"{__name__}.NothingInOwn"])
def test_routed_past(empty):
    """A database that the routers keep free of every app needs no migration."""
    assert outcomes(empty)["test_are_migrated"] is Outcome.PASSED


@override_settings(DATABASE_ROUTERS=[f"{__name__}.ContentTypesInOwn"])
def test_routed_in_part(empty):
    """Of a database with some of the apps only their migrations are wanted."""
    message = results(empty)["test_are_migrated"].message

    assert "lacks 2 migrations: contenttypes.0001_initial, contenttypes.0002_remove_content_type_name. " in message


@pytest.fixture
def squashed(settings_with_app):
    """An app whose migration `0001_squashed` replaces `0001_first` and `0002_second`."""
    settings_with_app("tests.contrib.squashed")
    databases._replaced_by.cache_clear()
    yield
    databases._replaced_by.cache_clear()


@pytest.fixture
def settings_with_app():
    overrides = []

    def add(app):
        from django.conf import settings

        overrides.append(override_settings(INSTALLED_APPS=[*settings.INSTALLED_APPS, app]))
        overrides[-1].enable()

    yield add
    for each in overrides:
        each.disable()


@pytest.mark.usefixtures("squashed")
@pytest.mark.parametrize(
    ("applied", "outcome"),
    [
        (["0001_first", "0002_second"], Outcome.PASSED),
        (["0001_squashed", "0001_first", "0002_second"], Outcome.PASSED),
        (["0001_first"], Outcome.FAILED),
        ([], Outcome.FAILED),
    ],
)
def test_squashed(sqlite, applied, outcome):
    """A squashed migration is there when all that it replaces are, as `migrate` has it."""
    recorder = MigrationRecorder(connections[sqlite])
    recorder.migration_qs.filter(app="squashed").delete()
    for name in applied:
        recorder.record_applied("squashed", name)
    connections[sqlite].close()

    assert outcomes(sqlite)["test_are_migrated"] is outcome


def test_all_databases():
    """Without `databases` all that are configured are asked."""
    found = results_of(databases.DatabasesTest)

    assert found["test_answer"].outcome is Outcome.PASSED, found["test_answer"].message


def test_no_database():
    """A list that is empty is not a PASS."""
    results = results_of(databases.DatabasesTest, databases=[])

    assert {result.outcome for result in results.values()} == {Outcome.FAILED}
