"""smoketest.contrib.storages, on real disks."""

import pytest
from django.test import override_settings

from smoketest.contrib import storages
from smoketest.results import Outcome
from tests.contrib.mounting import READ_ONLY, small_disk
from tests.contrib.running import result_of


@pytest.fixture
def folder(tmp_path):
    """The folder of the default storage."""
    files = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path}}
    with override_settings(STORAGES={"default": files}):
        yield tmp_path


def test_round_trip(folder):
    """A storage that keeps what is written passes, and nothing is left in it."""
    result = result_of(storages.StoragesTest)

    assert result.outcome is Outcome.PASSED, result.message
    assert list(folder.iterdir()) == []


def test_read_only(folder):
    """A storage that can't be written to fails by its alias and with the mend."""
    with small_disk(folder, flags=READ_ONLY):
        result = result_of(storages.StoragesTest)

    assert result.outcome is Outcome.FAILED
    assert result.message.startswith("(storage='default'): storage 'default' does not take a file: OSError: ")
    assert "Read-only file system" in result.message
    assert "Look at its disk or service" in result.message


def test_full(folder):
    """A storage on a full disk fails, and of the file that it took half of nothing is left."""
    with small_disk(folder):
        (folder / "large").write_bytes(bytes(1 << 20))

        result = result_of(storages.StoragesTest)
        left = [each.name for each in folder.iterdir()]

    assert result.outcome is Outcome.FAILED
    assert "storage 'default' does not take a file: OSError: [Errno 28] No space left on device" in result.message
    assert left == ["large"]


def test_unknown(folder):
    """A storage that is not configured fails."""
    result = result_of(storages.StoragesTest, aliases=["default", "nowhere"])

    assert result.outcome is Outcome.FAILED
    assert result.message.startswith("(storage='nowhere'): storage 'nowhere' can't be used: InvalidStorageError: ")
    assert list(folder.iterdir()) == []


def test_no_storage():
    """A list that is empty is not a PASS."""
    assert result_of(storages.StoragesTest, aliases=[]).outcome is Outcome.FAILED
