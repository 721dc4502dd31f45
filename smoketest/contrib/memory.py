"""Memory that is left, to the machine or to the container."""

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from smoketest.cases import SmokeTest
from smoketest.contrib.telling import require

_MEBIBYTE = 1024 * 1024
_ROOT = Path("/sys/fs/cgroup")
_GROUPS = Path("/proc/self/cgroup")
_MEMORY = Path("/proc/meminfo")
_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
"""The files of a limit and of what is used, and the word in `memory.stat` for what can be taken back at once."""


class MemoryTest(SmokeTest):
    """Memory is left: of the machine's, and of what the cgroups of this process allow."""

    abstract = True
    least_available_percent: ClassVar[float] = 5.0
    least_available_bytes: ClassVar[int] = 50 * _MEBIBYTE

    def test_is_left(self) -> None:
        if not _MEMORY.exists():
            self.skipTest("there is no /proc/meminfo here, by which free memory is known")
        mend = "Look for what takes it (`ps aux --sort -rss | head`), restart it or give it more"
        for place, total, available in (_machine(), *_cgroups()):
            percent = 100 * available / (total or 1)
            state = f"{place} has {available / _MEBIBYTE:,.0f} MiB of {total / _MEBIBYTE:,.0f} left, {percent:.1f} %"
            require(percent >= self.least_available_percent, f"{state}. {mend}")
            require(available >= self.least_available_bytes, f"{state}. {mend}")


def _machine() -> tuple[str, int, int]:
    """Return a name, all bytes and those available."""
    lines = (line.split() for line in _MEMORY.read_text().splitlines())
    kibibytes = {words[0]: int(words[1]) for words in lines}
    return "the machine", kibibytes["MemTotal:"] * 1024, kibibytes["MemAvailable:"] * 1024


def _cgroups() -> Iterator[tuple[str, int, int]]:
    """Return the same of each cgroup above this process that has a limit."""
    for line in _GROUPS.read_text().splitlines() if _GROUPS.exists() else ():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from _limits(_ROOT, path, _V2)
        elif "memory" in controllers.split(","):
            yield from _limits(_ROOT / "memory", path, _V1)


def _limits(root: Path, path: str, names: tuple[str, str, str]) -> Iterator[tuple[str, int, int]]:
    inner = root / path.strip("/")
    for folder in (inner, *inner.parents):
        if folder.is_relative_to(root):
            yield from _limit(folder, *names)


def _limit(folder: Path, limit_name: str, used_name: str, reclaimable_name: str) -> Iterator[tuple[str, int, int]]:
    try:
        limit, used = (folder / limit_name).read_text().strip(), int((folder / used_name).read_text())
        statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except OSError:
        return  # the root has none of these, and a container may not see those above its own
    if limit == "max" or int(limit) > _machine()[1]:
        return
    available = int(limit) - used + int(statistics.get(reclaimable_name, 0))
    yield f"the cgroup {folder}", int(limit), available
