"""Databases made for the measurements, where a server answers."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pymysql

_POSTGRESQL = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
_MARIADB = urlsplit(os.environ.get("TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306/mysql"))


@contextlib.contextmanager
def own_databases() -> Iterator[dict[str, Any]]:
    """Make a database on each server that answers; give Django's settings for them."""
    name = f"bench_{secrets.token_hex(4)}"
    with contextlib.ExitStack() as stack:
        made = {}
        with contextlib.suppress(psycopg.OperationalError):
            made["postgresql"] = stack.enter_context(own_postgresql(name))
        with contextlib.suppress(pymysql.err.OperationalError):
            made["mariadb"] = stack.enter_context(_own_mariadb(name))
        yield made


@contextlib.contextmanager
def own_postgresql(name: str) -> Iterator[dict[str, Any]]:
    """Make a database on PostgreSQL."""
    address = psycopg.conninfo.conninfo_to_dict(_POSTGRESQL)
    with psycopg.connect(_POSTGRESQL, autocommit=True, connect_timeout=3) as connection:
        connection.execute(f"CREATE DATABASE {name}")
        try:
            yield {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": name,
                "HOST": address["host"],
                "PORT": address.get("port", 5432),
                "USER": address["user"],
                "PASSWORD": address.get("password", ""),
            }
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def postgresql_connections(name: str) -> int:
    """Return how many connections a database has."""
    with psycopg.connect(_POSTGRESQL, autocommit=True) as connection:
        found = connection.execute("SELECT COUNT(*) FROM pg_stat_activity WHERE datname = %s", [name]).fetchone()
        return int(found[0]) if found else 0


@contextlib.contextmanager
def _own_mariadb(name: str) -> Iterator[dict[str, Any]]:
    address = {"HOST": _MARIADB.hostname, "PORT": _MARIADB.port, "USER": _MARIADB.username or ""}
    address["PASSWORD"] = _MARIADB.password or ""
    keywords = {each.lower(): value for each, value in address.items()}
    with contextlib.closing(pymysql.connect(connect_timeout=3, **keywords)) as connection:
        connection.cursor().execute(f"CREATE DATABASE {name}")
        try:
            yield {"ENGINE": "django.db.backends.mysql", "NAME": name, **address}
        finally:
            connection.cursor().execute(f"DROP DATABASE {name}")
