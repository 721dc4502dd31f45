"""What the main process of a worker shares with the processes of its pool, and how one of these is told apart."""

import mmap
import os
import platform
import secrets
import struct
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_ALIVE = "alive"
"""Stands for when a process began, where only that it lives is known."""
_MOMENT = struct.Struct("d")
"""Of the monotonic clock, which all processes of a machine share."""

_own_began: dict[int, str] = {}
"""When this process began, by its number: a forked one has another. To read it takes longer than all the rest."""


class Main:
    """A worker's main process, as its pool sees it."""

    def __init__(self) -> None:
        """Make what is shared; before the pool is forked."""
        self.pid = os.getpid()
        self.id = f"{platform.node()}/{self.pid}/{secrets.token_hex(4)}"
        self._stopped_at = mmap.mmap(-1, _MOMENT.size)

    def stop(self, *, by_signal: bool = False) -> None:
        """Tell all processes of the pool to hand over what they do when the test that runs has ended.

        A signal may come again, and to all of them again: the last moment counts then, else the first.
        """
        if by_signal or not self.is_stopping:
            _MOMENT.pack_into(self._stopped_at, 0, time.monotonic())

    @property
    def is_stopping(self) -> bool:
        """Tell whether the worker is being shut down."""
        return self._stopped_at[:] != bytes(_MOMENT.size)

    def was_stopped_within(self, seconds: float) -> bool:
        """Tell whether it was told so recently to shut down."""
        return self.is_stopping and time.monotonic() - _MOMENT.unpack_from(self._stopped_at)[0] < seconds


@cache
def main_process() -> Main:
    """Return the main process of this worker: made there, inherited by its pool."""
    return Main()


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardName:
    """The name of a shard: which delivery of which message, and the process that works on it."""

    process: str
    """Where its number counts, its number, and when it began: numbers come again, on other hosts and later."""
    task_id: str
    worker_id: str
    turn: str
    """A process with threads may get a message twice, and work on both at once."""

    def __str__(self) -> str:
        return f"{self.process} {self.task_id} {self.worker_id} {self.turn}"

    @classmethod
    def parse(cls, name: str) -> "ShardName":
        """Return the parts of a name; what another version has named otherwise is of no process that is known here."""
        process, task_id, worker_id, turn = (name.split(" ") + 4 * [""])[:4]
        return cls(task_id=task_id, worker_id=worker_id, process=process, turn=turn)

    @property
    def is_here(self) -> bool:
        """Tell whether its process is, or was, one of this machine's."""
        return self.process.startswith(f"{machine()}:")

    @property
    def is_dead(self) -> bool:
        """Tell whether its process is one of this machine's and is no more."""
        _, pid, began = (self.process.split(":") + 3 * [""])[:3]
        if not (self.is_here and pid.isdigit()):
            return False
        now = _began(int(pid))
        is_anothers = now != began and _ALIVE not in (now, began)
        return not now or is_anothers


def name_of_this(task_id: str) -> ShardName:
    """Return the name of the shard that this process begins."""
    pid = os.getpid()
    began = _own_began.get(pid) or _began(pid)
    if began != _ALIVE:  # else the next time may tell
        _own_began[pid] = began
    process = f"{machine()}:{pid}:{began}"
    return ShardName(task_id=task_id, worker_id=main_process().id, process=process, turn=secrets.token_hex(4))


@cache
def machine() -> str:
    """Return what tells apart the machines, and the containers in one, whose process numbers are their own.

    The names of the shards of one begin with that and a colon.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot[:13]}.{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return platform.node()


def _began(pid: int) -> str:
    """Return when a process began, in ticks since the machine did, or that it lives; empty where it is dead."""
    try:
        # https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: behind the name, which may hold anything
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    except OSError:  # there is no /proc, or it hides other users' processes, or this one may open no more files
        return _lives(pid)


def _lives(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return _ALIVE
    return _ALIVE
