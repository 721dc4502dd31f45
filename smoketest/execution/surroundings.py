"""The working directory and the environment of a process that serves requests too: watched, and put back with care."""

import os
from collections.abc import Mapping
from contextlib import suppress

from smoketest.execution import native
from smoketest.failures import cut


class Stay:
    """One test, or the tests that share fixtures, at work in the process."""

    __slots__ = ("is_alone",)

    def __init__(self) -> None:
        """Begin as the only one."""
        self.is_alone = True


class Surroundings:
    """What all threads of a process share, and what a test that changes it changes for production's requests.

    Who has changed it can't be known, only who was at work meanwhile, and that is what a test is told. It is put
    back when no other test is at work. A new variable stays: a module that was imported meanwhile may have set it,
    and may need it.
    """

    def __init__(self) -> None:
        """Begin with nobody at work."""
        self._lock = native.make_lock()
        self._at_work: set[Stay] = set()
        self._look()

    def refresh(self) -> None:
        """Take what is there now for what is right, unless a test is at work."""
        with self._lock:
            if not self._at_work:
                self._look()

    def begin(self) -> Stay:
        """Note that a test begins."""
        stay = Stay()
        self._at_work.add(stay)  # first: whoever begins at the same time sees it, or is seen
        if len(self._at_work) > 1:
            for each in tuple(self._at_work):
                each.is_alone = False
        return stay

    def leave(self, stay: Stay) -> None:
        """Note that a test is at work no more; of one that was given up nothing else is known."""
        self._at_work.discard(stay)

    def end(self, stay: Stay) -> list[str]:
        """Note that a test has ended; return what was changed meanwhile, put back if no other test is at work."""
        self._at_work.discard(stay)
        if _directory() == self._directory and _environment() == self._variables:
            return []
        with self._lock:
            warnings = self._changes(_directory(), dict(_environment()))
            if not self._at_work:
                self._put_back()
        return [cut(warning if stay.is_alone else f"{warning}; by it or by a test beside it") for warning in warnings]

    def _look(self) -> None:
        self._directory = _directory()
        self._variables: Mapping[bytes, bytes] = dict(_environment())

    def _changes(self, directory: str, variables: Mapping[bytes, bytes]) -> list[str]:
        warnings = []
        if directory != self._directory:
            warnings.append(f"changed while it ran: the working directory, to {directory or 'one that is gone'}")
        names = sorted(
            name for name in variables.keys() | self._variables if variables.get(name) != self._variables.get(name)
        )
        if names:
            # Never the values: they may be secrets.
            warnings.append(f"changed while it ran: the environment's {', '.join(map(os.fsdecode, names))}")
        return warnings

    def _put_back(self) -> None:
        with suppress(OSError):
            os.chdir(self._directory)
        for name, value in self._variables.items():
            if os.environb.get(name) != value:
                os.environb[name] = value
        self._look()


def _directory() -> str:
    try:
        return os.getcwd()  # noqa: PTH109 (done for each test, and a Path takes five times as long)
    except OSError:
        return ""


def _environment() -> dict[bytes, bytes]:
    # `os.environ` decodes each name and value to compare them, and this is done for each test.
    data: dict[bytes, bytes] = os.environ._data  # type: ignore[attr-defined] # noqa: SLF001
    return data
