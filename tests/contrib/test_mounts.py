"""smoketest.contrib.mounts, on real mounts."""

import pytest

from smoketest.contrib import mounts
from smoketest.results import Cause, Outcome
from tests.contrib.mounting import READ_ONLY, dead_mount, hanging_mount, small_disk
from tests.contrib.running import result_of, result_on_a_lane


def test_alive(tmp_path):
    """A mount that answers, holds its marker and can be written to passes, and nothing is left on it."""
    path = tmp_path / "a mount"
    path.mkdir()
    with small_disk(path):
        (path / "marker").touch()

        result = result_of(mounts.MountsTest, paths=[path], marker="marker", is_writable=True)

        assert result.outcome is Outcome.PASSED, result.message
        assert [each.name for each in path.iterdir()] == ["marker"]


def test_not_mounted(tmp_path):
    """A plain folder where a mount should be fails."""
    result = result_of(mounts.MountsTest, paths=[tmp_path])

    assert result.outcome is Outcome.FAILED
    assert result.message.startswith(f"{tmp_path} is a plain folder, nothing is mounted there. ")


def test_plain_folder_will_do(tmp_path):
    """Where no mount point is asked for a plain folder passes."""
    assert result_of(mounts.MountsTest, paths=[tmp_path], is_mount_point=False).outcome is Outcome.PASSED


def test_not_there(tmp_path):
    """A path that is not there fails with the system's own words."""
    result = result_of(mounts.MountsTest, paths=[tmp_path / "gone"])

    assert result.outcome is Outcome.FAILED
    assert "gone does not answer: FileNotFoundError: [Errno 2] No such file or directory" in result.message


def test_wrong_disk(tmp_path):
    """A mount without its marker fails: something else is mounted there."""
    with small_disk(tmp_path):
        result = result_of(mounts.MountsTest, paths=[tmp_path], marker="marker")

    assert result.outcome is Outcome.FAILED
    assert result.message.startswith(f"marker is not in {tmp_path}: something else is mounted there. ")


@pytest.mark.parametrize(
    ("options", "flags", "words"), [("size=1m", READ_ONLY, "Read-only"), ("nr_inodes=1", 0, "No space")]
)
def test_not_writable(tmp_path, options, flags, words):
    """A mount that is read-only or full fails where it must be written to."""
    with small_disk(tmp_path, options=options, flags=flags):
        result = result_of(mounts.MountsTest, paths=[tmp_path], is_writable=True)

    assert result.outcome is Outcome.FAILED
    assert result.message.startswith(f"{tmp_path} can't be written to: OSError: ")
    assert words in result.message


def test_server_gone(tmp_path):
    """A mount whose server has died fails with the system's own words."""
    with dead_mount(tmp_path) as path:
        result = result_of(mounts.MountsTest, paths=[path])

    assert result.outcome is Outcome.FAILED
    assert "does not answer: OSError: [Errno 107] Transport endpoint is not connected" in result.message


def test_hangs(tmp_path):
    """A mount that hangs is left at the time limit, and the result says where it hangs."""
    with hanging_mount(tmp_path) as path:
        result = result_on_a_lane(mounts.MountsTest, paths=[path], seconds=0.3)

    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.TIMEOUT)
    assert "timed out after 0.3" in result.message
    assert "os.statvfs(path)" in result.traceback
