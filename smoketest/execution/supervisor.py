"""Has work that may do anything done in a process, keeps its deadline, ends it, and tells how it ended."""

import contextlib
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from smoketest.execution.starting import Warden
from smoketest.execution.supervised import GRACE_SECONDS, Ending, Process

MOST_MESSAGES = 1000
"""After so many a new process had better take over, so that what was left behind does not pile up."""


class Supervisor:
    """One process at a time that answers messages, and a warden that starts it and ends it with all that it started.

    Neither a broker nor Redis is needed to keep its deadlines.
    """

    def __init__(self, start: Callable[[], Warden]) -> None:
        """Take what starts a warden."""
        self._start = start
        self._warden: Warden | None = None
        self._process: Process | None = None
        self._refusal = ""
        self._refused_until = 0.0
        self._patience_seconds = 0.0
        """How long the process may take to put away what it has kept after its last answer."""

    @property
    def is_ready(self) -> bool:
        """Tell whether there is a process, so that `prepare` takes no time."""
        return bool(self._process and self._process.is_fit)

    def prepare(self, still: Callable[[], None] = lambda: None) -> None:
        """Have a process ready, so that its start is nobody's time; `still` is called now and then meanwhile.

        One that has died since its last answer is replaced: the next message is not to answer for it. Where none is to
        be had, `ask` tells why. For as long as that took to be known it is not tried again: what hangs would hold up
        each message, but a system that has no process to spare may have one soon.
        """
        began = time.monotonic()
        if self._process and not self._process.is_fit:
            self._end(Ending(is_unwanted=True))
        if self._process or began < self._refused_until:
            return
        try:
            self._process = self._begin(still)
            self._refusal = ""
        except OSError as error:
            self._refusal = f"{type(error).__name__}: {error}"
            self._refused_until = 2 * time.monotonic() - began

    def ask(
        self,
        message: dict[str, Any],
        *,
        seconds: float,
        is_wanted: Callable[[], bool] = lambda: True,
        is_continued: bool = False,
    ) -> Ending:
        """Send a message and return how it was answered, `seconds` (and a grace) later at the latest.

        When `is_wanted`, which is asked now and then and must answer quickly, says no, the process is ended. Where it
        keeps what it has set up for a message that continues this one, it may put that away first when it is to end.
        """
        # Where one was refused whoever prepares tries again, with somebody to tell that it lasts.
        if not (self._process or self._refusal):
            self.prepare()
        process = self._process
        if not process:
            return Ending(refusal=self._refusal)
        began = time.monotonic()
        self._patience_seconds = 0.0
        ending = process.ask(message, began + seconds, is_wanted)
        keeps = ending.answer is not None and is_continued
        if ending.answer is not None and not ending.is_timeout:
            self._patience_seconds = seconds if keeps else 0.0
            return ending
        ending = self._end(ending, patience_seconds=GRACE_SECONDS if keeps else 0.0)
        return replace(ending, seconds=time.monotonic() - began)

    @property
    def is_old(self) -> bool:
        """Tell whether the process has answered so much that a new one had better take over."""
        return bool(self._process and self._process.messages >= MOST_MESSAGES)

    def renew(self, *, is_patient: bool = False) -> None:
        """End the process, unless it is new, and all that it has started; the next message is for another one.

        Who `is_patient` lets it put away first what it has kept, for as long as its last message might have taken.
        """
        self._refusal, self._refused_until = "", 0.0
        if self._process and self._process.messages:
            self._end(Ending(is_timeout=True), patience_seconds=self._patience_seconds if is_patient else 0.0)
        if self._warden:
            self.prepare()

    def close(self) -> None:
        """End all processes."""
        process, self._process = self._process, None
        its_warden, self._warden = self._warden, None
        if its_warden:
            its_warden.close()
        if process:
            process.close()

    def _begin(self, still: Callable[[], None]) -> "Process":
        if self._warden:
            with contextlib.suppress(OSError):
                return Process(*self._warden.begin(still))
            self.close()  # it had nothing to do for so long that it went
        self._warden = self._start()
        try:
            return Process(*self._warden.begin(still))
        except OSError:
            self.close()
            raise

    def _end(self, ending: Ending, *, patience_seconds: float = 0.0) -> Ending:
        """End the process, which may put away what it has meanwhile, and complete the ending of one that has died."""
        process, self._process = self._process, None
        has_died = not (ending.is_timeout or ending.is_unwanted or ending.failure)
        if process and patience_seconds:
            process.dismiss()
        try:
            if self._warden:
                exit_code = self._warden.end(patience_seconds=GRACE_SECONDS if has_died else patience_seconds)
                ending = replace(ending, exit_code=exit_code) if has_died else ending
        except ChildProcessError as error:
            self.close()
            if process and process.messages:  # else it has started nothing, and may have gone long ago
                process.kill()
            return replace(ending, failure=str(error)) if has_died else ending
        finally:
            if process:
                process.close()
        return ending
