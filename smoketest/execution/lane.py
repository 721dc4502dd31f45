"""One thread that can be left while its job hangs."""

import contextvars
import sys
import threading
import time
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from smoketest.execution import native
from smoketest.execution.jobs import Ended, Fate, Job, Session
from smoketest.execution.whereabouts import kernel_view


class Source(Protocol):
    """What a lane works for: it takes one job after another there."""

    def next_job(self, lane: "Lane", ended: Ended[Any] | None) -> Job[Any] | None:
        """Take how the last job ended; return the next, begun, or None."""

    def look_at(self, lane: "Lane") -> None:
        """Note that the lane's deadline has come nearer."""


class Home(Protocol):
    """Where a lane belongs."""

    def retire(self, lane: "Lane") -> bool:
        """Let an idle lane end; tell whether it may."""

    def returned(self, lane: "Lane") -> None:
        """Note that a lane ends, also one that was left."""


class Lane:
    """One thread; native and never joined, so that a hung job can't hold up a server's shutdown."""

    job: Job[Any]

    def __init__(self, home: Home, open_session: Callable[[], Session], idle_seconds: float) -> None:
        self.deadline = float("inf")
        self.limit_at = float("inf")
        """When the job's own time is up; the deadline comes before it where the run ends first."""
        self.began = 0.0
        self._home = home
        self._open_session = open_session
        self._idle_seconds = idle_seconds
        self._session: Session | None = None
        self._failure = ""
        self._native_id = 0
        self._runs: native.Queue[Source] = native.Queue()
        self.is_left = False
        self._ident = native.start_thread(self._main)

    def begin_run(self, run: Source) -> None:
        self._runs.put(run)

    def begin(self, job: Job[Any], until: float) -> None:
        self.job = job
        self.began = time.monotonic()
        self.limit_at = self.began + job.seconds
        self.deadline = min(self.limit_at, until)
        self._until = until

    def pause(self) -> None:
        self._left_seconds = self.limit_at - time.monotonic()
        self.limit_at = self._until + self._left_seconds  # once it is left its time goes on, or it would have no end
        self.deadline = self._until

    def resume(self) -> None:
        self.limit_at = time.monotonic() + self._left_seconds
        self.deadline = min(self.limit_at, self._until)
        self._run.look_at(self)

    def ended(self, fate: Fate) -> Ended[Any]:
        """Tell of the job that hangs."""
        seconds = time.monotonic() - self.began
        since_at = datetime.now(UTC) - timedelta(seconds=seconds)
        return Ended(key=self.job.key, fate=fate, seconds=seconds, since_at=since_at, stack=self._stack())

    def abandon(self) -> None:
        """Free what the job holds; runs in a thread of its own, since that may take a while."""
        if self._session:
            self._session.abandon()

    def _stack(self) -> str:
        frame = sys._current_frames().get(self._ident)  # noqa: SLF001 (the documented way to another thread's stack)
        return "".join(traceback.format_stack(frame)) + kernel_view(self._native_id) if frame else ""

    def _main(self) -> None:
        self._native_id = threading.get_native_id()
        try:
            self._session = self._open_session()
        except Exception:  # noqa: BLE001 (a backend may raise anything; its words are the answer to each job)
            self._failure = traceback.format_exc()
        while run := self._next_run():
            self._run = run
            ended = None
            while job := run.next_job(self, ended):
                ended = self._do(job)
            if self._session and not self.is_left:
                self._session.rest()
        self._home.returned(self)
        if self._session:
            self._session.close()

    def _do(self, job: Job[Any]) -> Ended[Any]:
        if not self._session:
            return Ended(key=job.key, fate=Fate.BROKEN, stack=self._failure)
        # A context of its own: what a job sets (language, time zone ...) is not there for the next.
        try:
            value = contextvars.Context().run(job.work, self._session, self)
        except BaseException:  # noqa: BLE001 (it must not; a lane that died of it would be taken for ever)
            return Ended(key=job.key, fate=Fate.RAISED, stack=traceback.format_exc())
        return Ended(key=job.key, fate=Fate.ANSWERED, value=value, seconds=time.monotonic() - self.began)

    def _next_run(self) -> Source | None:
        """Return the next run to work for, or None when it is time to end."""
        while not self.is_left:
            try:
                return self._runs.get(timeout=self._idle_seconds)
            except native.Empty:
                if self._home.retire(self):
                    return None
        return None
