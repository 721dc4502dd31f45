"""Processes that run steps side by side, each step in a supervised process: what a command does without workers."""

import multiprocessing
import os
import platform
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from multiprocessing.connection import wait

from smoketest.execution import hygiene, kinship
from smoketest.execution.channel import Channel, socketpair
from smoketest.execution.runner import OpenSession, make_supervisor, run_supervised
from smoketest.execution.starting import START_SECONDS
from smoketest.results import Cause, Outcome, Result, Step

_FORK = multiprocessing.get_context("fork")
_LOOK_SECONDS = 0.1
"""How often the caller hears of what runs."""
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_END_SECONDS = 5.0
"""From the request to end until the kill."""
_SPARE_SECONDS = START_SECONDS + 10.0
"""What a process may need beside a step's own limit: to have one that runs the test, and to end it."""


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
            busy = [hand for hand in self._hands if hand.step]
            if not busy:
                return
            ready = wait([hand.fileno() for hand in busy], _LOOK_SECONDS)
            for hand in busy:
                if hand.fileno() in ready or hand.is_overdue:
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
        self._seconds = 0.0
        self._until = 0.0
        self._start()

    def _start(self) -> None:
        self._channel, theirs = (Channel(end, end) for end in socketpair())
        arguments = (theirs, self._open_session, os.getpid())
        process = _FORK.Process(target=_work, args=arguments, daemon=True)
        # Its first steps are made with the handlers of this process; what comes meanwhile waits for its own.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            theirs.close()
        self._process = process

    def fileno(self) -> int:
        """Return the descriptor that becomes readable with the result, or with the process' end."""
        return self._channel.fds[0]

    @property
    def is_overdue(self) -> bool:
        """Tell whether the step should have ended long ago."""
        return time.monotonic() > self._until

    def take(self, unit: deque[Step]) -> None:
        """Begin a unit."""
        self._unit = unit
        self.go_on()

    def go_on(self) -> None:
        """Begin the next step of the unit, if there is one."""
        self.step = self._unit.popleft() if self._unit else None
        if self.step:
            self._seconds = self.step.timeout_seconds + _SPARE_SECONDS
            self._until = time.monotonic() + self._seconds
            with suppress(OSError):  # it has died; result() tells
                self._channel.send(self.step.as_dict())

    def result(self) -> Result:
        """Return the result of the step that has ended, or is overdue."""
        try:
            return Result.from_dict(self._channel.receive(self._until))
        except TimeoutError:
            self._process.kill()
            self.end()
            message = f"the process that supervised it did not answer within {self._seconds:g} s and was killed"
            return self._replaced(Cause.LOST, message)
        except (EOFError, OSError):
            self.end()
            message = f"the process that supervised it ended with exit code {self._process.exitcode}"
            return self._replaced(Cause.CRASH, message)

    def _replaced(self, cause: Cause, message: str) -> Result:
        """Have another process in the place of the dead one, and tell of it."""
        self._start()
        test_id = self.step.id if self.step else ""
        return Result(id=test_id, outcome=Outcome.ERRORED, cause=cause, message=message, host=platform.node())

    def ask_to_end(self) -> None:
        """Let the process end what it runs."""
        self._process.terminate()

    def end(self) -> None:
        """Wait for the process' end, or make one."""
        self._channel.close()
        self._process.join(_END_SECONDS)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join()


def _work(channel: Channel, open_session: OpenSession, parent: int) -> None:
    """Run the steps that arrive until there are no more, or SIGTERM comes."""
    os.setpgid(0, 0)  # Ctrl-C in the terminal is for the parent, which ends this process
    kinship.die_with(parent)
    hygiene.clean_process(keep_fds=channel.fds)
    os.dup2(2, 1)  # what a test writes past Python is no part of the report
    signal.signal(signal.SIGTERM, _leave)
    with closing(make_supervisor(open_session)) as supervisor, suppress(EOFError, BrokenPipeError):
        while True:
            step = Step.from_dict(channel.receive())
            supervisor.prepare()
            channel.send(run_supervised(step, supervisor).as_dict())


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(0)
