"""Holds the tests of `tests/project/gated` until they are let go, and tells what they did."""

import tempfile
from pathlib import Path

from tests import waiting


class Gate:
    """A folder that the tests in a worker's processes and the one that drives them can see."""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.path = Path(self._folder.name)
        (self.path / "begun").touch()

    def begun(self):
        """Return the names of the tests that have begun, as often as they have."""
        return [line.split()[0] for line in self._lines()]

    def processes(self):
        """Return the runner and the pool's process of each that has begun."""
        return [tuple(map(int, line.split()[1:])) for line in self._lines()]

    def wait_for(self, number):
        """Wait until so many tests have begun."""
        waiting.until(lambda: len(self._lines()) >= number, what=f"{number} gated tests begin")

    def open(self, *names):
        """Let tests go; all of them, those too that are still to begin, without names."""
        for name in names or ["all"]:
            (self.path / name).touch()

    def close(self):
        self._folder.cleanup()

    def _lines(self):
        return (self.path / "begun").read_text().splitlines()
