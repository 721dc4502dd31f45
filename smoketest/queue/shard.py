"""A shard of a run: takes test after test, runs each, and records how it ended, until none is left."""

import logging
import platform
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from smoketest import announce, conf, own_secrets
from smoketest.bounded import Event, send_all
from smoketest.conf import Conf
from smoketest.errors import QueueUnavailableError, UnknownRunError
from smoketest.failures import message_of
from smoketest.queue.dispatch import Message, publish
from smoketest.queue.hand import Hand
from smoketest.queue.herald import herald
from smoketest.queue.main import ShardName, main_process, name_of_this
from smoketest.record.redis import MOST_RESULTS, RedisStore, open_store
from smoketest.record.values import Assignment, Shard
from smoketest.record.workers import alive, open_roll
from smoketest.results import Result, Step
from smoketest.signals import run_started

T = TypeVar("T")

logger = logging.getLogger("smoketest")

_STORE_TIMEOUT_SECONDS = 2.0
_QUICK_SECONDS = 0.2
_PATIENCE_SECONDS = 20.0
"""How long a shard asks a Redis that does not answer; then the leases tell."""
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """A shard, and what it needs."""

    shard: Shard
    store: RedisStore
    conf: Conf
    release: str


def work_of(run_id: str, lane: str, task_id: str) -> Work | None:
    """Return what the shard of a message needs, unless that is for another host than this worker's."""
    if lane and lane != platform.node():
        logger.warning("run %s: left alone: the message was for host %s, this is %s", run_id, lane, platform.node())
        return None
    settings = conf.current()
    return Work(
        shard=Shard(run_id=run_id, name=str(name_of_this(task_id)), lane=lane),
        store=open_store(settings.redis_url, timeout_seconds=_STORE_TIMEOUT_SECONDS),
        conf=settings,
        release=conf.release_of(settings),
    )


@contextmanager
def given_up_if_raised(work: Work) -> Iterator[None]:
    """Give the shard up, with the reason, when an error ends it: else that is known when its lease is over."""
    try:
        yield
    except Exception as error:
        why = f"worker {main_process().id} could not run it: {_words_of(error)}"
        with suppress(QueueUnavailableError):
            work.store.abandon(work.shard.run_id, work.shard.name, why)
            work.store.refuse(work.shard.run_id, why)
        if isinstance(error, MemoryError):
            raise RuntimeError(why) from error  # noqa: TRY004 (for the error itself Celery would end the whole worker)
        raise


def _words_of(error: Exception) -> str:
    try:
        return own_secrets.scrubber().text(message_of(error))
    except Exception:  # noqa: BLE001 (the project's settings can't be read, say)
        return f"{type(error).__qualname__}; its log tells more"


class Processes(Protocol):
    """Where the processes come from that the tests are run in."""

    @property
    def is_ready(self) -> bool:
        """Tell whether there is one, so that `prepare` takes no time."""

    def prepare(self, still: Callable[[], None]) -> None:
        """Have one ready; `still` is called now and then while that takes long."""


def run_tests(work: Work, run: Callable[[Step, Callable[[], bool]], Result], processes: Processes) -> None:
    """Take and run tests until none is left, or until the worker stops: then a successor gets the rest.

    None, where the run is unknown or for another release. `run` is given a step, and what it may ask now and then
    whether that is still wanted.
    """
    scrub = own_secrets.scrubber().result  # in this process: no test has been at what it knows
    quick_store = _quick_store(work)
    hand = Hand(work.shard, work.store, quick_store, partial(_call_for_help, work))
    spans: dict[str, tuple[int, int]] = {}
    if not _begin(work, hand, processes):
        return

    def take() -> Assignment | None:
        if not (main_process().is_stopping or processes.is_ready):  # no test should wait for its start
            processes.prepare(lambda: _hold(work))
        return _patiently(lambda: hand.take(is_stopping=main_process().is_stopping))

    while assignment := take():
        if spans:
            _tell_of_tests(work, hand, spans)
        else:
            _tell_of_the_begin(work, quick_store)
        processes.prepare(partial(_hold, work, limit_seconds=assignment.step.timeout_seconds))
        began_ns = time.time_ns()
        result = scrub(run(assignment.step, hand.is_wanted))
        spans[assignment.index] = (began_ns, time.time_ns())
        hand.put(result, release=work.release)
    if hand.left and main_process().is_stopping:
        _send_another(work)
    _tell_of_tests(work, hand, spans)
    _tell_of_the_end(work, hand)


def _begin(work: Work, hand: Hand, processes: Processes) -> bool:
    """Begin a shard, with its first step where a process for that is ready; tell whether there is anything to do."""
    run_id, delivery = work.shard.run_id, f" {ShardName.parse(work.shard.name).task_id} "
    most = int(processes.is_ready and not main_process().is_stopping)
    try:
        begun = _patiently(lambda: hand.begin(most=most, release=work.release, delivery=delivery))
    except UnknownRunError:
        logger.info("run %s: there is no such run any more", run_id)
        return False
    dead = [name for name in begun.earlier if ShardName.parse(name).is_dead]
    for name in dead:
        work.store.abandon(run_id, name, "its worker process died while it ran")
    if begun.first:
        return bool(begun.first.assignments)
    if begun.about.release == work.release:
        return begun.has_work or (bool(dead) and _patiently(lambda: work.store.hold(work.shard)))
    refusal = f"worker {main_process().id} runs release {work.release}, this run is for {begun.about.release}"
    logger.warning("run %s: left alone: %s", run_id, refusal)
    work.store.refuse(run_id, own_secrets.scrubber().text(refusal))
    return False


def _tell_of_tests(work: Work, hand: Hand, spans: Mapping[str, tuple[int, int]]) -> None:
    """Tell of the tests whose results are recorded; all at once, so that receivers hold up no more than one could."""
    events: list[Event] = []
    for assignment, result in hand.counted():
        announce.test_ended(
            assignment.step,
            result,
            spans[assignment.index],
            run_id=work.shard.run_id,
            release=work.release,
            send=lambda signal, **facts: events.append((signal, facts)),
        )
    send_all(events)


def _tell_of_the_begin(work: Work, store: RedisStore) -> None:
    if run_started.has_listeners():  # else it is early enough when others see it
        with suppress(QueueUnavailableError, UnknownRunError):  # the workers' main processes look again
            herald(store.peek(work.shard.run_id), store, work.conf)


def _tell_of_the_end(work: Work, hand: Hand) -> None:
    if hand.has_ended:  # else whoever ends it tells
        with suppress(QueueUnavailableError, UnknownRunError):
            run = work.store.peek(work.shard.run_id, most_results=MOST_RESULTS, has_ended=True)
            herald(run, work.store, work.conf)


def _quick_store(work: Work) -> RedisStore:
    return open_store(work.conf.redis_url, timeout_seconds=_QUICK_SECONDS)


def _hold(work: Work, *, limit_seconds: float = 0.0) -> None:
    with suppress(QueueUnavailableError):  # whoever can't tell that it lives is given up in time
        _quick_store(work).hold(work.shard, limit_seconds=limit_seconds)


def _call_for_help(work: Work) -> None:
    """Send a message from a thread that nobody waits for: no timeout bounds what looks up the broker's name."""
    with suppress(RuntimeError):  # there is no thread to spare: as where the message does not arrive
        threading.Thread(target=_send_another, args=[work], name="smoketest-help", daemon=True).start()


def _send_another(work: Work) -> None:
    """Send a message for what waits on the shard's lane."""
    run_id = work.shard.run_id
    with suppress(QueueUnavailableError, UnknownRunError):  # the other workers see that nobody is at work
        left_seconds = work.store.peek(run_id).left_seconds
        publish(run_id, _messages_on(work), run_seconds=left_seconds, conf=work.conf)


def _messages_on(work: Work) -> list[Message]:
    """Return a message that reaches the shard's lane, if anything does: what is for one host other hosts would take."""
    lane = work.shard.lane
    if not lane:
        return [Message()]
    own_id = main_process().id
    if not main_process().is_stopping:
        return [Message(lane=lane, worker_id=own_id)]
    others = [each for each in alive(open_roll(work.conf.redis_url).workers()) if each.id != own_id]
    able = [each.id for each in others if (each.host, each.release) == (lane, work.release)]
    return [Message(lane=lane, worker_id=worker_id) for worker_id in able[:1]]


def _patiently(ask: Callable[[], T]) -> T:
    """Ask until Redis answers: each request of the store may be repeated."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return ask()
        except QueueUnavailableError:
            if time.monotonic() > until:
                raise
            time.sleep(_PAUSE_SECONDS)
