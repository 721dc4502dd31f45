"""Room on the disks."""

import os
from collections.abc import Collection
from typing import ClassVar

from smoketest.cases import SmokeTest
from smoketest.contrib.telling import listed, require, told

_MEBIBYTE = 1024 * 1024


class DiskTest(SmokeTest):
    """The disk of each of `paths` has room left, in bytes and in inodes. For other limits derive another class."""

    abstract = True
    paths: ClassVar[Collection[str | os.PathLike[str]]] = ("/",)
    least_free_percent: ClassVar[float] = 5.0
    least_free_bytes: ClassVar[int] = 100 * _MEBIBYTE
    least_free_inodes_percent: ClassVar[float] = 5.0

    def test_has_room(self) -> None:
        for path in listed(self.paths, "paths"):
            with self.subTest(path=str(path)):
                self._look(path)

    def _look(self, path: str | os.PathLike[str]) -> None:
        with told(f"{path} can't be looked at", mend="Look whether it is mounted"):
            disk = os.statvfs(path)
        # As `df` has it: what is kept for root counts neither as used nor as free.
        free, used = disk.f_bavail * disk.f_frsize, (disk.f_blocks - disk.f_bfree) * disk.f_frsize
        percent = 100 * free / ((free + used) or 1)
        state = f"the disk of {path} has {free / _MEBIBYTE:,.0f} MiB free, {percent:.1f} %"
        mend = f"Remove what is not needed (`du -xh {path} | sort -h | tail`) or let it grow"
        require(percent >= self.least_free_percent, f"{state}. {mend}")
        require(free >= self.least_free_bytes, f"{state}. {mend}")
        if disk.f_files:  # btrfs and others count none
            inodes = 100 * disk.f_favail / disk.f_files
            state = f"the disk of {path} has {inodes:.1f} % of its inodes free: too many files"
            require(inodes >= self.least_free_inodes_percent, f"{state}. {mend}")
