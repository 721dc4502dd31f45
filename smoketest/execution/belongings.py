"""What of a process a test may have changed, and must be as it was for the next."""

# `signal` makes an enum of each answer, which costs ten times as much.
import _signal  # type: ignore[import-not-found]
import _thread
import faulthandler
import gc
import locale
import logging
import math
import os
import resource
import signal
import socket
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """What a test has left behind, by name."""

    changed: tuple[str, ...] = ()
    """What was not as it was before."""
    stuck: tuple[str, ...] = ()
    """Of that, what could not be put back: the process is no good for another test."""


class Belongings:
    """How the process was when this was made."""

    def __init__(self) -> None:
        """Remember how it is now."""
        self._parts = (*_PARTS, _make_files_part())
        self._were = [(part, part.read()) for part in self._parts]
        self._all = [was for _, was in self._were]

    def put_back(self) -> Left:
        """Let it be as it was; return what was different."""
        _cancel_dump()
        with suppress(OSError):
            if [part.read() for part in self._parts] == self._all:  # nothing, mostly; one by one takes longer
                return _NOTHING
        return self._put_back(self._were)

    def stop_timers(self) -> Left:
        """Let nothing but the timers be as it was."""
        _cancel_dump()
        return self._put_back([(part, was) for part, was in self._were if part is _TIMER_PART])

    def _put_back(self, were: list[tuple["_Part", Any]]) -> Left:
        changed = [(part, was) for part, was in were if not _is(part, was)]
        if not changed:
            return _NOTHING
        for part, was in changed:
            with suppress(OSError, ValueError, locale.Error):
                part.write(was)
        return Left(
            changed=tuple(part.name for part, _ in changed),
            stuck=tuple(part.name for part, was in changed if not _is(part, was)),
        )


@dataclass(frozen=True, slots=True)
class _Part:
    name: str
    read: Callable[[], Any]
    write: Callable[[Any], object]


_NOTHING = Left()


def _is(part: _Part, was: Any) -> bool:
    with suppress(OSError):  # the directory that we are in is gone, say
        return bool(part.read() == was)
    return False


def _cannot(_was: Any) -> None:
    """Put nothing back: there is no way."""


_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)
_SIGNALS = sorted(map(int, signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}))
_LIMITS = sorted({value for name, value in vars(resource).items() if name.startswith("RLIMIT_")})


def _environment() -> dict[bytes, bytes]:
    return dict(os.environb._data)  # type: ignore[attr-defined] # noqa: SLF001 (twenty times as fast as dict(os.environ))


def _set_environment(was: dict[bytes, bytes]) -> None:
    os.environb.clear()
    os.environb.update(was)


def _umask() -> int:
    mask = os.umask(0o77)
    os.umask(mask)
    return mask


def _timers() -> list[float]:
    return [each for timer in _TIMERS for each in signal.getitimer(timer)]


def _cancel_dump() -> None:
    """Cancel `faulthandler.dump_traceback_later`, which may end the process; nothing tells whether one is due."""
    faulthandler.cancel_dump_traceback_later()


def _stop_timers(_was: list[float]) -> None:
    for timer in _TIMERS:
        signal.setitimer(timer, 0)


def _handlers() -> list[Any]:
    return [_signal.getsignal(number) for number in _SIGNALS]


def _set_handlers(were: list[Any]) -> None:
    for number, handler in zip(_SIGNALS, were, strict=True):
        if _signal.getsignal(number) is not handler:
            _signal.signal(number, handler)


def _limits() -> list[tuple[int, int]]:
    return [resource.getrlimit(limit) for limit in _LIMITS]


def _set_limits(were: list[tuple[int, int]]) -> None:
    for limit, was in zip(_LIMITS, were, strict=True):
        resource.setrlimit(limit, was)  # in vain for a hard limit: only root may raise it


_TIMER_PART = _Part("timers", _timers, _stop_timers)
_PARTS = (
    _Part("the working directory", os.getcwd, os.chdir),
    _Part("the environment", _environment, _set_environment),
    _Part("the time zone", lambda: (time.tzname, time.timezone), lambda _was: time.tzset()),
    _Part("the locale", lambda: locale.setlocale(locale.LC_ALL), lambda was: locale.setlocale(locale.LC_ALL, was)),
    _Part("the umask", _umask, os.umask),
    _TIMER_PART,
    _Part("signal handlers", _handlers, _set_handlers),
    _Part(
        "blocked signals",
        lambda: signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        lambda was: signal.pthread_sigmask(signal.SIG_SETMASK, was),
    ),
    _Part("resource limits", _limits, _set_limits),
    _Part(
        "the priority",
        lambda: os.getpriority(os.PRIO_PROCESS, 0),
        lambda was: os.setpriority(os.PRIO_PROCESS, 0, was),
    ),
    _Part("the user", lambda: (os.getuid(), os.geteuid(), os.getgid(), os.getegid()), _cannot),
    _Part("sys.path", lambda: list(sys.path), lambda was: sys.path.__setitem__(slice(None), was)),
    _Part("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    _Part("the garbage collector", gc.isenabled, lambda was: gc.enable() if was else gc.disable()),
    _Part("the timeout of sockets", socket.getdefaulttimeout, socket.setdefaulttimeout),
    _Part("logging.disable()", lambda: logging.root.manager.disable, logging.disable),
    _Part("warning filters", lambda: list(warnings.filters), _cannot),
    # Another thread could do anything to the next test.
    _Part("threads", _thread._count, _cannot),  # noqa: SLF001 (`threading` does not know those of C and `_thread`)
)


def _make_files_part() -> _Part:
    """Return the part that changes when half of the files that may be opened from now on are open.

    One by one they are nobody's fault: a connection to a database may stay, as may what a library keeps.
    """
    most = (_next_descriptor() + resource.getrlimit(resource.RLIMIT_NOFILE)[0]) / 2
    return _Part("open files", lambda: _next_descriptor() > most, _cannot)


def _next_descriptor() -> float:
    """Return the number that the next file gets, which is about how many are open; infinity where none may be."""
    try:
        fd = os.dup(2)  # a third of what it takes to open one
    except OSError:
        return math.inf
    os.close(fd)
    return fd
