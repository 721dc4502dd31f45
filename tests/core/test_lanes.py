"""Threads that can be left."""

import _thread
import contextvars
import threading
import time

import pytest

from smoketest.execution.jobs import Ended, Fate, Job
from smoketest.execution.lanes import Lanes
from tests import waiting

VARIABLE = contextvars.ContextVar("VARIABLE", default="unset")


class Session:
    """What a lane opens in its thread."""

    def __init__(self, sessions):
        self.sessions = sessions
        self.thread = _thread.get_ident()
        self.was_abandoned = threading.Event()
        sessions.opened.append(self)

    def abandon(self):
        self.was_abandoned.set()

    def rest(self):
        pass

    def close(self):
        self.sessions.closed.append(self)


class Sessions:
    """Opens a session for each lane, and knows which are open."""

    def __init__(self):
        self.opened = []
        self.closed = []

    def open(self):
        return Session(self)

    def all_closed(self):
        return len(self.closed) == len(self.opened)


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
def lanes(sessions):
    """Lanes that end soon when they have nothing to do."""
    return Lanes(sessions.open, idle_seconds=0.05)


@pytest.fixture
def run(lanes):
    """Run units of jobs and return how each ended."""

    def run_all(*units, seconds=20.0, concurrency=1):
        return lanes.run(units, until=time.monotonic() + seconds, concurrency=concurrency)

    return run_all


def job(key, work=None, seconds=20.0):
    return Job(key=key, work=(lambda session, _clock: work(session)) if work else answer(key), seconds=seconds)


def answer(key):
    return lambda _session, _clock: key.upper()


def hanging(key, release, seconds=0.05):
    return Job(key=key, work=lambda _session, _clock: release.wait() and "late", seconds=seconds)


def values(ended):
    return {each.key: each.value for each in ended}


def test_answers(run):
    """Each job ends with its value."""
    ended = run([job("a")], [job("b")])

    assert [(each.key, each.value, each.fate) for each in ended] == [
        ("a", "A", Fate.ANSWERED),
        ("b", "B", Fate.ANSWERED),
    ]
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
    assert ident == sessions.opened[0].thread != _thread.get_ident()
    assert kind == "_DummyThread"


def test_hanging_job_is_left(run, release):
    """A job that hangs is left at its deadline; the rest of its unit runs elsewhere, and so do the other units."""
    ended = run([job("a"), hanging("b", release), job("c"), job("d")], [job("e")])

    assert {each.key for each in ended if each.fate is Fate.LEFT} == {"b"}
    assert values(ended) == {"a": "A", "b": None, "c": "C", "d": "D", "e": "E"}


def test_left_job_knows_its_time(run, release):
    """A job is left after its own time, not before."""
    (ended,) = run([hanging("a", release, seconds=0.1)])

    assert ended.seconds >= 0.1


def test_rest_runs_in_another_thread(run, release, sessions):
    """After a job that was left, the next runs on a session of its own."""
    used = []

    run([job("a", used.append), hanging("b", release), job("c", used.append)])

    assert len(used) == 2
    assert sessions.opened == used


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

    assert {each.key: each.fate for each in ended} == {
        "a": Fate.ANSWERED,
        "b": Fate.LEFT,
        "c": Fate.NOT_BEGUN,
        "d": Fate.NOT_BEGUN,
    }
    assert begun == []


def test_until_in_the_past(run, sessions):
    """With no time at all, nothing begins and everything is answered for."""
    ended = run([job("a"), job("b")], [job("c")], seconds=-1)

    assert ended == [Ended(key=key, fate=Fate.NOT_BEGUN) for key in "abc"]
    assert sessions.opened == []


def test_each_job_ends_once(run, release):
    """However the jobs end, each is answered for exactly once."""
    units = [[job(f"{unit}-a"), hanging(f"{unit}-b", release, seconds=0.02), job(f"{unit}-c")] for unit in range(8)]

    ended = run(*units, concurrency=4)

    assert sorted(each.key for each in ended) == sorted(each.key for unit in units for each in unit)
    assert sum(each.fate is Fate.LEFT for each in ended) == 8


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


def test_fresh_context(run):
    """Each job has a context of its own: nothing of the caller's, nothing of the job before it."""
    VARIABLE.set("the caller's")

    def look_and_set(_session):
        before = VARIABLE.get()
        VARIABLE.set("a job's")
        return before

    ended = run([job("a", look_and_set), job("b", look_and_set)])

    assert values(ended) == {"a": "unset", "b": "unset"}


def test_session_that_hangs(release):
    """A lane that hangs while it opens its session is left at the deadline of its first job."""
    sessions = Sessions()

    def open_session():
        session = sessions.open()
        release.wait(0 if len(sessions.opened) > 1 else None)
        return session

    ended = Lanes(open_session).run([[job("a", seconds=0.05)], [job("b")]], until=time.monotonic() + 20, concurrency=1)

    assert {each.key: each.fate for each in ended} == {"a": Fate.LEFT, "b": Fate.ANSWERED}


def test_session_that_cannot_be_opened():
    """Where a session can't be opened each job is answered with the reason."""

    def open_session():
        raise LookupError("no such backend")

    ended = Lanes(open_session).run([[job("a")], [job("b")]], until=time.monotonic() + 20, concurrency=1)

    assert [each.fate for each in ended] == [Fate.BROKEN, Fate.BROKEN]
    assert "LookupError: no such backend" in ended[0].stack


def test_job_that_raises_all_the_same(run, sessions):
    """A job must not raise; if one does it is answered with where, and its lane goes on."""

    def raises(_session):
        raise SystemExit(3)

    ended = run([job("a", raises), job("b")])

    assert {each.key: each.fate for each in ended} == {"a": Fate.RAISED, "b": Fate.ANSWERED}
    assert "SystemExit: 3" in ended[0].stack
    assert len(sessions.opened) == 1


def test_last_of_a_unit(run, release):
    """The job after which nothing of its unit will begin knows it, also where others still hang."""

    def unit():
        return [
            Job(key="a", work=lambda *_: "more", last=lambda *_: "last", seconds=20),
            hanging("b", release),
            hanging("c", release),
        ]

    first = run(unit())
    again = run(unit())

    assert values(first)["a"] == "more"
    assert values(again)["a"] == "last"


class Interrupted(BaseException):
    """What a server's signal handler raises, say."""


class InterruptedMailbox:
    def put(self, item):
        pass

    def get(self, timeout):  # noqa: ARG002
        raise Interrupted


def test_interrupted_run(lanes, release, monkeypatch):
    """Where whoever runs is interrupted the jobs at work are left and nothing more begins: no lane stays taken."""
    begun = []
    unit = [hanging("a", release, seconds=20), job("b", begun.append)]

    monkeypatch.setattr("smoketest.execution.native.make_mailbox", InterruptedMailbox)
    with pytest.raises(Interrupted):
        lanes.run([unit], until=time.monotonic() + 20, concurrency=1)
    monkeypatch.undo()
    (ended,) = lanes.run([[job("c")]], until=time.monotonic() + 20, concurrency=1)

    assert ended.fate is Fate.ANSWERED
    assert begun == []


def test_no_thread_to_be_had(sessions):
    """Where the system has no thread to give, the run says so and the next one has lanes as ever."""
    lanes = Lanes(sessions.open, idle_seconds=0.05)

    def start_none(_main):
        raise RuntimeError("can't start new thread")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("smoketest.execution.native.start_thread", start_none)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            lanes.run([[job("a")]], until=time.monotonic() + 20, concurrency=1)
    (ended,) = lanes.run([[job("a")]], until=time.monotonic() + 0.5, concurrency=1)

    assert ended.fate is Fate.ANSWERED


def test_idle_lane_is_used_again(lanes, sessions):
    """The next run takes a lane that is idle, with its session."""
    for _ in range(5):
        lanes.run([[job("a")]], until=time.monotonic() + 20, concurrency=1)

    assert len(sessions.opened) == 1


def test_left_job_is_not_begun_again(run, release):
    """While a job hangs later runs say so at once, and since when."""
    begun = []

    def hang(session):
        begun.append(session)
        release.wait()

    run([job("a", hang, seconds=0.05)])
    (again,) = run([job("a", hang, seconds=20)])

    assert again.fate is Fate.STILL_LEFT
    assert again.since_at is not None
    assert "in hang" in again.stack
    assert len(begun) == 1


def test_left_job_is_taken_up_when_it_has_ended(run, release, sessions):
    """As soon as the job that hung has ended, it is run again."""
    run([hanging("a", release)])
    release.set()
    waiting.until(sessions.all_closed, what="the hanging job ends")

    (ended,) = run([hanging("a", release)])

    assert ended.value == "late"


def test_left_job_is_retried(sessions, release):
    """What hung is retried after a while, up to the cap: what it waited for may be back and never tell it."""
    lanes = Lanes(sessions.open, retry_seconds=0, most_left_each=2, idle_seconds=0.05)

    fates = [lanes.run([[hanging("a", release)]], until=time.monotonic() + 20, concurrency=1)[0].fate for _ in range(4)]

    assert fates == [Fate.LEFT, Fate.LEFT, Fate.STILL_LEFT, Fate.STILL_LEFT]


def test_saturated(sessions, release):
    """With too many lanes left nothing more is begun."""
    lanes = Lanes(sessions.open, most_left=3, idle_seconds=0.05)
    units = [[hanging(key, release)] for key in "abcde"]

    ended = lanes.run(units, until=time.monotonic() + 20, concurrency=1)

    assert [each.fate for each in ended] == [Fate.LEFT] * 3 + [Fate.SATURATED] * 2


def test_run_ends_before_the_jobs_time(run, release):
    """A job that was left since its run had to end, with time of its own to go, does not hang: it is begun again."""
    run([hanging("a", release, seconds=20)], seconds=0.05)

    (ended,) = run([job("a")])

    assert ended.value == "A"


def test_run_ends_before_the_jobs_time__hangs(run, release):
    """Once its own time is up as well it hangs like any other."""
    run([hanging("a", release, seconds=0.2)], seconds=0.05)

    waiting.until(lambda: run([job("a")])[0].fate is Fate.STILL_LEFT, what="its own time is up")


def test_run_ends_while_the_job_waits_for_others(run, release):
    """Of a job that was left while it paused the rest of its time goes on, so that it hangs in the end."""

    def waits(_session, clock):
        clock.pause()
        release.wait()

    run([Job(key="a", work=waits, seconds=3)], seconds=0.05)
    (soon,) = run([job("a")])

    assert soon.value == "A"
    waiting.until(lambda: run([job("a")])[0].fate is Fate.STILL_LEFT, what="the rest of its time is up")


def test_runs_end_before_the_jobs_time__many(sessions, release):
    """However many runs leave jobs so, no more lanes are left than may be: the next run waits for one to end."""
    lanes = Lanes(sessions.open, most_left=3, idle_seconds=0.05)

    def cut():
        (ended,) = lanes.run([[hanging("a", release, seconds=20)]], until=time.monotonic() + 0.05, concurrency=1)
        return ended.fate

    fates = [cut() for _ in range(5)]
    threads = len(sessions.opened)
    release.set()
    (after,) = lanes.run([[job("a")]], until=time.monotonic() + 20, concurrency=1)

    assert fates == [Fate.LEFT] * 3 + [Fate.NOT_BEGUN] * 2
    assert threads == 3
    assert after.value == "A"


def test_runs_end_before_the_jobs_time__hang(sessions, release):
    """A run that waits for one of them to end is woken when they hang, and refused."""
    lanes = Lanes(sessions.open, most_left=1, idle_seconds=0.05)
    lanes.run([[hanging("a", release, seconds=0.5)]], until=time.monotonic() + 0.05, concurrency=1)

    (ended,) = lanes.run([[job("b")]], until=time.monotonic() + 20, concurrency=1)

    assert ended.fate is Fate.SATURATED


def test_left_job_is_abandoned(run, release, sessions):
    """A job that is left has its session told to free what it holds; one that ended has not."""
    run([job("a")], [hanging("b", release)])

    assert sessions.opened[0].was_abandoned.wait(10)


def test_concurrency_of_the_process(lanes, sessions, release):
    """Two runs at the same time share the lanes of the process, and both end."""
    until = time.monotonic() + 20
    others = []
    other = threading.Thread(
        target=lambda: others.extend(lanes.run([[job(key)] for key in "abc"], until=until, concurrency=1))
    )
    begun = threading.Event()

    def hold(_session):
        begun.set()
        other.start()
        release.wait(0.1)

    own = lanes.run([[job("own", hold)]], until=until, concurrency=1)
    other.join()

    assert [each.fate for each in own + others] == [Fate.ANSWERED] * 4
    assert len(sessions.opened) == 1


def test_paused_time_does_not_count(run):
    """The time in which a job says that it waits for others is not its own."""

    def waits(_session, clock):
        clock.pause()
        waiting.until(lambda: time.monotonic() > began + 0.3, what="more than its own time has passed")
        clock.resume()
        return "in time"

    began = time.monotonic()
    (ended,) = run([Job(key="a", work=waits, seconds=0.2)])

    assert ended.value == "in time"


def test_deadline_after_a_pause(lanes, release):
    """What is left of its time is kept also where whoever looks after it has last looked while the job paused."""
    ended = []

    def waits(_session, clock):
        clock.pause()
        waiting.until(lambda: time.monotonic() > began + 0.4, what="it would have been overdue, and was looked at")
        clock.resume()
        release.wait()

    def run():
        until = began + 10 * waiting.LIMIT_SECONDS
        ended.extend(lanes.run([[Job(key="a", work=waits, seconds=0.2)]], until=until, concurrency=1))

    began = time.monotonic()
    threading.Thread(target=run, daemon=True).start()
    waiting.until(lambda: ended, what="the job is left")

    assert ended[0].fate is Fate.LEFT
