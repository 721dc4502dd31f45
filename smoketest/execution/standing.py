"""Keeps supervisors from one run to the next, whose warden has a process standing by that has run no test yet."""

import os
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from smoketest.execution.supervisor import Supervisor


@dataclass(frozen=True, slots=True)
class _Kept:
    supervisor: Supervisor
    key: Hashable
    pid: int
    """Of the process that keeps it; one forked from that has no claim on it."""


_kept: deque[_Kept] = deque()  # appending and popping are atomic: the threads of a pool share it


@contextmanager
def standing_by(key: Hashable, make: Callable[[], Supervisor]) -> Iterator[Supervisor]:
    """Lend a supervisor that has been kept under this key, or a new one; and keep it then."""
    supervisor = _take(key) or make()
    try:
        yield supervisor
        supervisor.renew(is_patient=True)  # a class amid which the worker stops is torn down
    except BaseException:
        supervisor.close()
        raise
    _kept.append(_Kept(supervisor, key, os.getpid()))


def _take(key: Hashable) -> Supervisor | None:
    for _ in range(len(_kept)):
        with suppress(IndexError):
            kept = _kept.pop()
            if kept.pid != os.getpid():
                continue
            if kept.key == key:
                return kept.supervisor
            kept.supervisor.close()
    return None
