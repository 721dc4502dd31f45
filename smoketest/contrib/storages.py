"""Each file storage takes a file, gives it back and lets go of it."""

import secrets
from collections.abc import Collection
from contextlib import suppress
from typing import ClassVar

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from smoketest.cases import SmokeTest
from smoketest.contrib.telling import listed, require, told


class StoragesTest(SmokeTest):
    """A file is written to each storage of `aliases`, read and deleted.

    The write is real: one file of a few bytes with a random name, deleted whatever happens.
    """

    abstract = True
    aliases: ClassVar[Collection[str]] = ("default",)
    """Aliases in `STORAGES`; that of the static files is commonly not to be written to."""
    folder: ClassVar[str] = ""
    """Where in the storage the file is put, such as `uploads/`; the root by default."""

    def test_keep_what_is_written(self) -> None:
        for alias in listed(self.aliases, "aliases"):
            with self.subTest(storage=alias):
                self._round_trip(alias)

    def _round_trip(self, alias: str) -> None:
        mend = "Look at its disk or service, its room, and what this process may do there"
        with told(f"storage {alias!r} can't be used", mend=mend):
            storage = storages[alias]
        name, content = f"{self.folder}smoketest-{secrets.token_hex(8)}.txt", secrets.token_bytes(16)
        self.addCleanup(_delete, storage, name)  # what a full disk has taken half of is left behind under this name
        with told(f"storage {alias!r} does not take a file", mend=mend):
            saved = storage.save(name, ContentFile(content))
        self.addCleanup(_delete, storage, saved)
        with told(f"storage {alias!r} does not give a file back", mend=mend), storage.open(saved) as file:
            read = file.read()
        require(read == content, f"storage {alias!r} gives back something else than was written. {mend}")
        with told(f"storage {alias!r} does not delete a file", mend=mend):
            storage.delete(saved)
            is_left = storage.exists(saved)
        require(not is_left, f"storage {alias!r} still has {saved}, which was deleted. {mend}")


def _delete(storage: Storage, name: str) -> None:
    """Delete what may be there, once more or after a failure that has been told."""
    with suppress(Exception):
        storage.delete(name)
