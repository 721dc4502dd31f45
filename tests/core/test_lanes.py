"""Threads that can be left."""

import _thread
import contextvars
import threading
import time
from contextlib import contextmanager

import pytest

from smoketest.execution import lanes
from smoketest.execution.lanes import Ended, Job
from tests import waiting

VARIABLE = contextvars.ContextVar("VARIABLE", default="unset")


class Sessions:
    """Opens a session for each lane, and knows which are open."""

    def __init__(self):
        self.opened = []
        self.closed = []

    @contextmanager
    def open(self):
        thread = _thread.get_ident()
        self.opened.append(thread)
        yield thread
        self.closed.append(thread)

    def all_closed(self):
        return sorted(self.closed) == sorted(self.opened)


@pytest.fixture
def release():
    """Ends what hangs; set at the end of the test at the latest."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def sessions(release):
    sessions = Sessions()
    yield sessions
    release.set()
    waiting.until(sessions.all_closed, what="all lanes have ended")


@pytest.fixture
def run(sessions):
    """Run units of jobs and return how each ended."""

    def run_all(*units, seconds=20.0, concurrency=1):
        until = time.monotonic() + seconds
        return list(lanes.run(units, open_session=sessions.open, until=until, concurrency=concurrency))

    return run_all


def job(key, work=None, seconds=20.0):
    return Job(key=key, work=work or (lambda _session: key.upper()), seconds=seconds)


def hanging(key, release, seconds=0.05):
    return Job(key=key, work=lambda _session: release.wait() and "late", seconds=seconds)


def values(ended):
    return {each.key: each.value for each in ended}


def test_answers(run):
    """Each job ends with its value."""
    ended = run([job("a")], [job("b")])

    assert [(each.key, each.value, each.is_left) for each in ended] == [("a", "A", False), ("b", "B", False)]
    assert all(each.seconds > 0 for each in ended)


def test_nothing_to_run(run, sessions):
    """Without jobs no thread is started."""
    assert run() == []
    assert run([]) == []
    assert sessions.opened == []


def test_order_in_a_unit(run):
    """The jobs of a unit run one after another, in order and in one lane, also beside other units."""
    seen = []

    def unit(name):
        return [job(f"{name}{number}", lambda session: seen.append((name, session))) for number in range(5)]

    ended = run(unit("a"), unit("b"), concurrency=2)

    keys = [each.key for each in ended]
    assert [key for key in keys if key[0] == "a"] == ["a0", "a1", "a2", "a3", "a4"]
    assert [key for key in keys if key[0] == "b"] == ["b0", "b1", "b2", "b3", "b4"]
    assert len({session for name, session in seen if name == "a"}) == 1


def test_one_after_another(run, sessions):
    """With a concurrency of one, one thread runs all."""
    ended = run([job("a")], [job("b")], [job("c")])

    assert list(values(ended)) == ["a", "b", "c"]
    assert len(sessions.opened) == 1


def test_concurrency(run, sessions):
    """So many units run at the same time, and no more threads are made than that."""
    barrier = threading.Barrier(3, timeout=10)

    ended = run(*([job(str(number), lambda _session: barrier.wait() >= 0)] for number in range(6)), concurrency=3)

    assert values(ended) == dict.fromkeys("012345", True)
    assert len(sessions.opened) == 3


def test_not_the_callers_thread(run, sessions):
    """Jobs run in threads of their own, which `threading` does not join at exit."""
    ended = run([job("a", lambda _session: (_thread.get_ident(), type(threading.current_thread()).__name__))])

    (ident, kind) = ended[0].value
    assert ident == sessions.opened[0] != _thread.get_ident()
    assert kind == "_DummyThread"


def test_hanging_job_is_left(run, release):
    """A job that hangs is left at its deadline; the rest of its unit runs elsewhere, and so do the other units."""
    ended = run([job("a"), hanging("b", release), job("c"), job("d")], [job("e")])

    assert [(each.key, each.is_left) for each in ended] == [
        ("a", False),
        ("b", True),
        ("c", False),
        ("d", False),
        ("e", False),
    ]
    assert values(ended) == {"a": "A", "b": None, "c": "C", "d": "D", "e": "E"}


def test_left_job_knows_its_time(run, release):
    """A job is left after its own time, not before."""
    (ended,) = run([hanging("a", release, seconds=0.1)])

    assert ended.seconds >= 0.1


def test_rest_runs_in_another_thread(run, release, sessions):
    """After a job that was left, the next runs on a session of its own."""
    threads = []

    run([job("a", threads.append), hanging("b", release), job("c", threads.append)])

    assert len(set(threads)) == 2
    assert sessions.opened == threads


def test_late_answer_is_nobodys(run, release):
    """What a job answers after it was left is not taken for another's answer."""
    begun = threading.Event()

    def let_it_go(_session):
        release.set()
        waiting.until(begun.is_set, what="the late answer is there")
        return "own"

    def late(_session):
        release.wait()
        begun.set()
        return "late"

    ended = run([job("a", late, seconds=0.05), job("b", let_it_go), job("c")])

    assert values(ended) == {"a": None, "b": "own", "c": "C"}


def test_until(run, release):
    """At `until` what runs is left, and what waits does not begin any more."""
    begun = []

    ended = run(
        [job("a"), hanging("b", release, seconds=20), job("c", begun.append)], [job("d", begun.append)], seconds=0.1
    )

    assert [(each.key, each.value, each.is_left) for each in ended] == [
        ("a", "A", False),
        ("b", None, True),
        ("c", None, False),
        ("d", None, False),
    ]
    assert begun == []


def test_until_in_the_past(run, sessions):
    """With no time at all, nothing begins and everything is answered for."""
    ended = run([job("a"), job("b")], [job("c")], seconds=-1)

    assert ended == [Ended(key="a"), Ended(key="b"), Ended(key="c")]
    assert sessions.opened == []


def test_each_job_ends_once(run, release):
    """However the jobs end, each is answered for exactly once."""
    units = [[job(f"{unit}-a"), hanging(f"{unit}-b", release, seconds=0.02), job(f"{unit}-c")] for unit in range(8)]

    ended = run(*units, concurrency=4)

    assert sorted(each.key for each in ended) == sorted(each.key for unit in units for each in unit)
    assert sum(each.is_left for each in ended) == 8


def test_stack_tells_where(run, release):
    """A job that was left is told with the stack of its thread."""

    def waits_for_the_printer(_session):
        release.wait()

    (ended,) = run([job("a", waits_for_the_printer, seconds=0.05)])

    assert "in waits_for_the_printer" in ended.stack
    assert "release.wait()" in ended.stack


def test_threads_end(run, sessions):
    """When all is done the threads close their sessions and end."""
    run([job("a")], [job("b")], concurrency=2)

    waiting.until(sessions.all_closed, what="the sessions are closed")


def test_left_thread_ends_with_its_job(run, release, sessions):
    """A thread that was left ends as soon as its job does."""
    run([hanging("a", release)])
    was_open = not sessions.all_closed()

    release.set()

    assert was_open
    waiting.until(sessions.all_closed, what="the left thread has ended")


def test_threads_end_when_nobody_listens_any_more(sessions):
    """A caller that stops listening leaves no threads behind."""
    units = [[job("a"), job("b")], [job("c")]]
    ended = lanes.run(units, open_session=sessions.open, until=time.monotonic() + 20, concurrency=1)
    next(ended)

    ended.close()

    waiting.until(sessions.all_closed, what="the sessions are closed")


def test_fresh_context(run):
    """Each job has a context of its own: nothing of the caller's, nothing of the job before it."""
    VARIABLE.set("the caller's")

    def look_and_set(_session):
        before = VARIABLE.get()
        VARIABLE.set("a job's")
        return before

    ended = run([job("a", look_and_set), job("b", look_and_set)])

    assert values(ended) == {"a": "unset", "b": "unset"}


def test_session_that_would_not_open(release):
    """A lane whose session can't be opened does not take the other lanes with it."""
    opened = []

    @contextmanager
    def open_session():
        opened.append(True)
        release.wait(0 if len(opened) > 1 else None)
        yield "session"

    units = [[job("a", seconds=0.05)], [job("b")]]
    ended = list(lanes.run(units, open_session=open_session, until=time.monotonic() + 20, concurrency=1))

    assert [(each.key, each.is_left) for each in ended] == [("a", True), ("b", False)]
