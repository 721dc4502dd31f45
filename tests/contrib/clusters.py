"""A PostgreSQL server of a test's own, which can be stopped and started."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.servers import free_port

_USER = "postgres"
"""PostgreSQL refuses to run as root."""


class OwnPostgreSQL:
    """Made in a temporary folder by `initdb`."""

    def __init__(self):
        self._programs = _programs()
        self._as_user = {"user": _USER, "extra_groups": []} if os.getuid() == 0 else {}
        # Not in the session's own folder, which another user can't enter.
        self._folder = Path(tempfile.mkdtemp(prefix="smoketest-pg-", dir="/tmp"))
        if self._as_user:
            shutil.chown(self._folder, _USER)
        self.port = free_port()
        self._run("initdb", "--no-sync", "--auth", "trust", "--username", _USER)

    @property
    def settings(self):
        """The entry for DATABASES."""
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": "postgres",
            "HOST": "127.0.0.1",
            "PORT": self.port,
            "USER": _USER,
            "PASSWORD": "s3cret",
        }

    def start(self):
        options = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self._run("pg_ctl", "start", "--wait", "--log", str(self._folder / "log"), "--options", options)

    def stop(self):
        self._run("pg_ctl", "stop", "--wait", "--mode", "immediate")

    def remove(self):
        shutil.rmtree(self._folder)

    def _run(self, program, *options):
        command = [self._programs / program, "--pgdata", self._folder / "data", *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/", **self._as_user)


def _programs():
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders:
        pytest.skip("no initdb: PostgreSQL's own programs are not here")
    if os.getuid() == 0 and _USER not in {each.pw_name for each in pwd.getpwall()}:
        pytest.skip(f"there is no user {_USER}, as whom PostgreSQL could run")
    return folders[-1]
