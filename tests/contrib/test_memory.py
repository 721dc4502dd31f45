"""smoketest.contrib.memory, on this machine and in a real cgroup."""

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from smoketest.contrib import memory
from smoketest.results import Outcome
from tests.contrib.running import result_of
from tests.servers import ROOT

MEBIBYTE = 1024 * 1024
SCRIPT = """
import django
django.setup()
from smoketest.contrib import memory
from tests.contrib.running import result_of
print(result_of(memory.MemoryTest, least_available_bytes=300 * 1024 * 1024).message)
"""


def test_is_left():
    """A machine with memory left passes."""
    result = result_of(memory.MemoryTest, least_available_percent=0.1, least_available_bytes=MEBIBYTE)

    assert result.outcome is Outcome.PASSED, result.message


def test_machine_has_too_little():
    """A machine with less than is wanted fails, and the message says how much there is."""
    result = result_of(memory.MemoryTest, least_available_bytes=1 << 60)

    assert result.outcome is Outcome.FAILED
    assert result.message.startswith("the machine has ")
    assert "Look for what takes it" in result.message


@pytest.fixture
def small_group():
    """A cgroup that allows 200 MiB."""
    version_1 = Path("/sys/fs/cgroup/memory")
    root = version_1 if version_1.is_dir() else Path("/sys/fs/cgroup")
    group = root / f"smoketest-{secrets.token_hex(4)}"  # a session each
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"a cgroup can't be made here: {error}")
    limit = group / ("memory.limit_in_bytes" if version_1.is_dir() else "memory.max")
    try:
        limit.write_text(str(200 * MEBIBYTE))
        yield group
    except OSError as error:
        pytest.skip(f"a cgroup can't be limited here: {error}")
    finally:
        group.rmdir()


def test_group_has_too_little(small_group):
    """A process whose cgroup allows less than is wanted fails, whatever the machine has."""
    enter = f'echo $$ > {small_group}/cgroup.procs && exec "$0" -c "$1"'

    done = subprocess.run(
        ["/bin/sh", "-c", enter, sys.executable, SCRIPT], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.stdout.startswith(f"the cgroup {small_group} has "), done.stderr
    assert " MiB of 200 left, " in done.stdout
