"""smoketest.contrib.disk, on real disks."""

from smoketest.contrib import disk
from smoketest.results import Outcome
from tests.contrib.mounting import small_disk
from tests.contrib.running import result_of

KIBIBYTE = 1024


def test_room(tmp_path):
    """A disk with room passes."""
    with small_disk(tmp_path):
        result = result_of(disk.DiskTest, paths=[tmp_path], least_free_bytes=500 * KIBIBYTE)

    assert result.outcome is Outcome.PASSED, result.message


def test_full(tmp_path):
    """A full disk fails, and the message says how much is left and how to find what takes it."""
    with small_disk(tmp_path):
        (tmp_path / "large").write_bytes(bytes(1000 * KIBIBYTE))

        result = result_of(disk.DiskTest, paths=[tmp_path], least_free_bytes=0)

    assert result.outcome is Outcome.FAILED
    assert f"the disk of {tmp_path} has 0 MiB free, 2.3 %. Remove what is not needed" in result.message


def test_too_little_left(tmp_path):
    """A disk with less than the bytes wanted fails, whatever part of it they are."""
    with small_disk(tmp_path):
        result = result_of(disk.DiskTest, paths=[tmp_path], least_free_bytes=2000 * KIBIBYTE)

    assert result.outcome is Outcome.FAILED
    assert f"the disk of {tmp_path} has 1 MiB free, 100.0 %. " in result.message


def test_too_many_files(tmp_path):
    """A disk with room for bytes and none for files fails."""
    with small_disk(tmp_path, options="size=1m,nr_inodes=2"):
        (tmp_path / "last").touch()

        result = result_of(disk.DiskTest, paths=[tmp_path], least_free_bytes=0)

    assert result.outcome is Outcome.FAILED
    assert "0.0 % of its inodes free: too many files" in result.message


def test_each_path(tmp_path):
    """All paths are looked at; the message names the one."""
    result = result_of(disk.DiskTest, paths=["/", tmp_path / "gone"], least_free_bytes=0, least_free_percent=0)

    assert result.outcome is Outcome.FAILED
    assert "gone can't be looked at: FileNotFoundError" in result.message


def test_no_path():
    """A list that is empty, perhaps since a variable is not set, is not a PASS."""
    result = result_of(disk.DiskTest, paths=[])

    assert result.outcome is Outcome.FAILED
    assert result.message == "paths is empty, so there is nothing to look at. List something, or remove the test"
