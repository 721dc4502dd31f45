"""Each database answers and has all migrations."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path

from django.apps import apps
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from smoketest.cases import SmokeTest
from smoketest.contrib.telling import listed, require, told

_Key = tuple[str, str]
"""App label and name of a migration."""


class DatabasesTest(SmokeTest):
    """Every database of `databases` (a class attribute of any smoke test; all by default). It only reads."""

    abstract = True

    def test_answer(self) -> None:
        for alias in self._aliases():
            with self.subTest(database=alias):
                _ask(connections[alias])

    def test_are_migrated(self) -> None:
        for alias in self._aliases():
            with self.subTest(database=alias):
                missing = _unapplied(connections[alias])
                names = ", ".join(f"{app}.{name}" for app, name in missing)
                mend = f"Run `manage.py migrate --database {alias}` with the code of this release"
                require(not missing, f"{_shown(connections[alias])} lacks {len(missing)} migrations: {names}. {mend}")

    def _aliases(self) -> Iterable[str]:
        return listed(list(connections) if self.databases == "__all__" else list(self.databases), "databases")


def _ask(connection: BaseDatabaseWrapper) -> None:
    with _answering(connection), connection.cursor() as cursor:
        cursor.execute(f"SELECT 1{connection.features.bare_select_suffix}")
        cursor.fetchone()


def _unapplied(connection: BaseDatabaseWrapper) -> list[_Key]:
    """Return the migrations that are in the code, not in the database, and would do something there."""
    with _answering(connection):
        applied = set(MigrationRecorder(connection).applied_migrations())
    return sorted(
        key for key in _replaced_by() if not _is_applied(key, applied) and _is_wanted(key[0], connection.alias)
    )


def _is_applied(key: _Key, applied: set[_Key]) -> bool:
    """Tell whether a migration, or all that it replaces as a squashed one, is recorded."""
    replaced = _replaced_by().get(key, ())
    return key in applied or (bool(replaced) and all(_is_applied(each, applied) for each in replaced))


@cache
def _replaced_by() -> dict[_Key, tuple[_Key, ...]]:
    """Return the migrations that the code has -> those that each replaces; read once a process."""
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    return {key: tuple(migration.replaces) for key, migration in loader.disk_migrations.items()}


def _is_wanted(app_label: str, alias: str) -> bool:
    """Tell whether the routers let an app have anything in a database: what they keep out need not be migrated."""
    models = list(apps.get_app_config(app_label).get_models(include_auto_created=True))
    if not models:
        return router.allow_migrate(alias, app_label)
    return any(router.allow_migrate_model(alias, model) for model in models)


def _answering(connection: BaseDatabaseWrapper) -> AbstractContextManager[None]:
    """Return a context in which whatever goes wrong is the database's failure to answer."""
    _check_file(connection)
    mend = "Look whether its server runs, can be reached from this host, and lets this user in"
    return told(f"{_shown(connection)} does not answer", mend=mend)


def _check_file(connection: BaseDatabaseWrapper) -> None:
    """Fail for an SQLite file that is gone: to connect would make an empty one."""
    path = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite" and not path.startswith((":memory:", "file:")) and not Path(path).is_file():
        message = f"{_shown(connection)}: the file is not there. Look whether its disk is mounted, or restore it"
        raise AssertionError(message)


def _shown(connection: BaseDatabaseWrapper) -> str:
    """Return a database's name and address, without user and password."""
    given = connection.settings_dict
    address = f" at {given['HOST']}:{given['PORT'] or 'default port'}" if given["HOST"] else ""
    return f"database {connection.alias!r} ({connection.vendor} {given['NAME']}{address})"
