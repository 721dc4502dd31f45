"""File systems that must be mounted and answer."""

import os
import re
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar

from smoketest.cases import SmokeTest
from smoketest.contrib.one_each import one_test_each
from smoketest.contrib.telling import require, told

_MOUNTS = Path("/proc/self/mountinfo")


class MountsTest(SmokeTest):
    """Each of `paths` is a mount point that answers.

    A mount whose server is gone holds up whoever looks at it for ever: the test's time limit ends that, and the
    report says which path it hangs at.
    """

    abstract = True
    paths: ClassVar[Collection[str | os.PathLike[str]]] = ()
    is_mount_point: ClassVar[bool] = True
    """False: any folder will do."""
    marker: ClassVar[str] = ""
    """A file that must be there below each path: it tells the right disk from an empty one."""
    is_writable: ClassVar[bool] = False
    """True: a file is written, and removed at once; it has no name where the file system can do that."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Make one test a path."""
        super().__init_subclass__(**kwargs)
        one_test_each(cls, "paths", MountsTest._look, os.fspath)

    def _look(self, path: str | os.PathLike[str]) -> None:
        mend = "Look whether it is mounted and its server answers (`mount`, `dmesg`), and mount it anew"
        with told(f"{path} does not answer", mend=mend):
            os.statvfs(path)
            with os.scandir(path) as entries:
                next(entries, None)
        if self.is_mount_point:
            require(_is_mount_point(path), f"{path} is a plain folder, nothing is mounted there. {mend}")
        if self.marker:
            is_there = Path(path, self.marker).exists()
            require(is_there, f"{self.marker} is not in {path}: something else is mounted there. {mend}")
        if self.is_writable:
            with told(
                f"{path} can't be written to", mend="Look whether it is full or mounted read-only, and who owns it"
            ):
                _write(path)


def _is_mount_point(path: str | os.PathLike[str]) -> bool:
    """Tell whether something is mounted at a path, a folder of the same file system (a bind mount) too."""
    if not _MOUNTS.exists():
        return os.path.ismount(path)
    points = (line.split(" ")[4] for line in _MOUNTS.read_text().splitlines())
    return os.path.realpath(path) in map(_unescaped, points)


def _unescaped(text: str) -> str:
    r"""Return a path whose spaces and the like stand there as `\040`."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _write(path: str | os.PathLike[str]) -> None:
    with tempfile.TemporaryFile(dir=path, prefix="smoketest-") as file:
        file.write(b"smoketest")
        file.flush()
        os.fsync(file.fileno())
