"""Processes that run steps side by side, each step in a supervised process: what a command does without workers."""

import json
import multiprocessing
import os
import platform
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from multiprocessing.connection import Connection, wait

from smoketest.execution import hygiene, kinship
from smoketest.execution.runner import OpenSession, make_supervisor, run_supervised
from smoketest.results import Cause, Outcome, Result, Step

_FORK = multiprocessing.get_context("fork")
_LOOK_SECONDS = 0.1
"""How often the caller hears of what runs."""
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_END_SECONDS = 5.0
"""From the request to end until the kill."""


class Crew:
    """At most `size` processes, forked from the calling thread; on Linux they die with this one."""

    def __init__(self, open_session: OpenSession, size: int) -> None:
        """Take what is opened around the tests in each supervised process."""
        self._open_session = open_session
        self._size = size
        self._hands: list[_Hand] = []

    def run(self, units: Iterable[Sequence[Step]], *, look: Callable[[list[str]], bool]) -> Iterator[Result]:
        """Run each unit's steps in order in one process, and yield the results as they come.

        `look` is called now and then with the ids of what runs, and tells whether more may begin. A unit that has
        begun is brought to its end, so that its fixtures are torn down.
        """
        waiting = deque(deque(unit) for unit in units)
        while True:
            if look([hand.step.id for hand in self._hands if hand.step]):
                self._hand_out(waiting)
            busy = {hand.connection: hand for hand in self._hands if hand.step}
            if not busy:
                return
            for ready in wait(list(busy), _LOOK_SECONDS):
                hand = busy[ready]  # type: ignore[index] # wait() takes sockets too
                result = hand.result()
                hand.go_on()
                yield result

    def _hand_out(self, waiting: deque[deque[Step]]) -> None:
        while waiting:
            hand = next((hand for hand in self._hands if not hand.step), None)
            if not hand and len(self._hands) == self._size:
                return
            if not hand:
                hand = _Hand(self._open_session)
                self._hands.append(hand)
            hand.take(waiting.popleft())

    def close(self) -> None:
        """End the processes and all that they run."""
        for hand in self._hands:
            hand.ask_to_end()
        for hand in self._hands:
            hand.end()
        self._hands = []


class _Hand:
    """One process, and what it has to do."""

    def __init__(self, open_session: OpenSession) -> None:
        self._open_session = open_session
        self.step: Step | None = None
        self._unit: deque[Step] = deque()
        self._start()

    def _start(self) -> None:
        self.connection, theirs = _FORK.Pipe()
        arguments = (theirs, self._open_session, os.getpid())
        self._process = _FORK.Process(target=_work, args=arguments, daemon=True)
        # Its first steps are made with the handlers of this process; what comes meanwhile waits for its own.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            self._process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()

    def take(self, unit: deque[Step]) -> None:
        """Begin a unit."""
        self._unit = unit
        self.go_on()

    def go_on(self) -> None:
        """Begin the next step of the unit, if there is one."""
        self.step = self._unit.popleft() if self._unit else None
        if self.step:
            with suppress(OSError):  # it has died; result() tells
                self.connection.send_bytes(json.dumps(self.step.as_dict()).encode())

    def result(self) -> Result:
        """Return the result of the step that has ended."""
        try:
            return Result.from_dict(json.loads(self.connection.recv_bytes()))
        except (EOFError, OSError):
            return self._bury()

    def _bury(self) -> Result:
        """Tell of the process' death, and have another in its place."""
        self.end()
        obituary = Result(
            id=self.step.id if self.step else "",
            outcome=Outcome.ERRORED,
            cause=Cause.CRASH,
            message=f"the process that supervised it ended with exit code {self._process.exitcode}",
            host=platform.node(),
        )
        self._start()
        return obituary

    def ask_to_end(self) -> None:
        """Let the process end what it runs."""
        self._process.terminate()

    def end(self) -> None:
        """Wait for the process' end, or make one."""
        self.connection.close()
        self._process.join(_END_SECONDS)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()


def _work(connection: Connection, open_session: OpenSession, parent: int) -> None:
    """Run the steps that arrive until there are no more, or SIGTERM comes."""
    os.setpgid(0, 0)  # Ctrl-C in the terminal is for the parent, which ends this process
    kinship.die_with(parent)
    hygiene.clean_process(keep_fds=(connection.fileno(),))
    os.dup2(2, 1)  # what a test writes past Python is no part of the report
    signal.signal(signal.SIGTERM, _leave)
    with closing(make_supervisor(open_session)) as supervisor, suppress(EOFError, BrokenPipeError):
        while True:
            step = Step.from_dict(json.loads(connection.recv_bytes()))
            supervisor.prepare()
            connection.send_bytes(json.dumps(run_supervised(step, supervisor).as_dict()).encode())


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(0)
