"""The record of runs in Redis."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from smoketest import conf
from smoketest.errors import UnknownRunError
from smoketest.queue.herald import herald
from smoketest.record.calls import Both
from smoketest.record.encoding import new_run
from smoketest.record.places import OPEN, RECENT, RECENT_RUNS, open_places
from smoketest.record.redis import MOST_RESULTS, open_store
from smoketest.record.values import About, Shard, Terms
from smoketest.report.summary import summarise, summarise_final
from smoketest.results import Cause, Outcome, Plan, Result, Status, Step
from smoketest.signals import run_finished
from tests import waiting

RUN = "1a1f8e7c2d5-0f3e5c7a9b1d2f4e6a8c0b2d4f6e8a0c-5d41402a"
BOTH = ("started", "finished")


def make_step(name, **values):
    return Step(id=f"shop.smoke.Test.{name}", test_class="shop.smoke.Test", timeout_seconds=5, **values)


def make_result(name, outcome=Outcome.PASSED, **values):
    return Result(id=f"shop.smoke.Test.{name}", outcome=outcome, **values)


@pytest.fixture
def store(redis_server):
    """A store without any runs."""
    redis_server.client.flushall()
    return open_store(redis_server.url)


@pytest.fixture
def receive_finished(project, redis_server):
    """What `run_finished` has told: the status of each run."""
    project(redis_url=redis_server.url)
    told = []

    def receive(*, report, **_):
        told.append(report.status)

    run_finished.connect(receive)
    yield told
    run_finished.disconnect(receive)


@pytest.fixture
def create(store):
    """Create the run of steps."""

    def create(*steps, known=None, start_seconds=60.0, keep_seconds=1000.0, run_id=RUN, place=""):
        plan = Plan(steps=steps, known=known or {})
        about = About(release="r1", host="web1", test_classes=1, place=place)
        terms = Terms(start_seconds=start_seconds, keep_seconds=keep_seconds, parallel=2)
        store.create_call(run_id, new_run(plan, about, terms)).ask()
        return store

    return create


def take(store, shard, ended=None, **asked):
    """Let a shard tell of the step that ended, and take its next."""
    answer = store.step(Shard(run_id=RUN, name=shard), ended=[ended] if ended else [], **asked)
    return answer.assignments[0] if answer.assignments else None


def begin(store, shard, release="r1", **asked):
    """Let a shard of a release begin, which the first task's message was for."""
    return store.begin(Shard(run_id=RUN, name=shard), release=release, delivery=" task-1 ", **asked)


def claim(places, wanted, run_id, *, keep_seconds=1000, after_seconds=0.0):
    """Look at a place and claim it; what comes in between takes a while."""
    seen = places.look_call(wanted, most=10).ask()
    be_later = replace(seen, at_ms=seen.at_ms - int(after_seconds * 1000))
    return places.claim_call(wanted, run_id, be_later, most=10, keep_seconds=keep_seconds).ask()


def names(answer):
    """Return the names of the steps that a shard was handed."""
    return [assignment.step.id[-1] for assignment in answer.assignments]


def summary(run):
    """Return what there is of a run's plan and results."""
    return run.has_results, [step.id for step in run.plan.steps], sorted(run.results), run.baseline


def fetch(store):
    """Return all that is known of the run."""
    return store.with_results(store.peek(RUN))


def expire_leases(redis_server):
    key = f"smoketest:{{{RUN}}}:leases"
    for name in redis_server.client.zrange(key, 0, -1):
        redis_server.client.zadd(key, {name: 1})


TIMES = ("seen_at", "active_at", "created_at", "allowed_at")


def be_away(redis_server, *, seconds, times=TIMES):
    """Let everything be as if Redis had been away for so long: nobody has looked, and the times have run on."""
    client, milliseconds = redis_server.client, int(seconds * 1000)
    for part in (":leases", ":quiet"):
        for name, score in client.zrange(f"smoketest:{{{RUN}}}{part}", 0, -1, withscores=True):
            client.zadd(f"smoketest:{{{RUN}}}{part}", {name: score - milliseconds})
    for fact in set(times).intersection(client.hkeys(f"smoketest:{{{RUN}}}")):
        client.hincrby(f"smoketest:{{{RUN}}}", fact, -milliseconds)


def test_step__takes_each_step_once(create):
    """Two shards take all steps between them, none twice."""
    store = create(make_step("a"), make_step("b"), make_step("c"))

    taken = [take(store, "one"), take(store, "two")]
    taken.append(take(store, "one", ended=(taken[0], make_result("a"))))

    assert [assignment.step.id[-1] for assignment in taken] == ["a", "b", "c"]


def test_step__is_safe_to_repeat(create):
    """The same call after a lost answer answers the same step, and records nothing twice."""
    store = create(make_step("a"), make_step("b"))
    first = take(store, "one")

    again = take(store, "one")
    second = take(store, "one", ended=(first, make_result("a")))
    second_again = take(store, "one", ended=(first, make_result("a")))

    assert (first.step, second.step) == (again.step, second_again.step)
    assert fetch(store).counts.passed == 1


def test_step__repeated_result_is_still_the_first(create):
    """Whoever repeats a call whose answer was lost is told that its result counts."""
    store = create(make_step("a"))
    shard = Shard(run_id=RUN, name="one")
    (assignment,) = store.step(shard).assignments
    ended = [(assignment, make_result("a"))]

    answers = [store.step(shard, ended=ended), store.step(shard, ended=ended)]
    late = store.step(shard, ended=[(assignment, make_result("a", Outcome.FAILED))])

    assert [bool(each.late) for each in (*answers, late)] == [False, False, True]


def test_peek__with_results(create):
    """A finished run comes with its results where these are no more than are asked for; one that goes on never does."""
    store = create(make_step("a"), make_step("b"), known={make_step("b").id: make_result("b", Outcome.ERRORED)})
    assignment = take(store, "one")
    under_way = store.peek(RUN, most_results=2)
    take(store, "one", ended=(assignment, make_result("a")))

    looks = [store.peek(RUN, most_results=most) for most in (1, 2)]

    ids = [make_step(name).id for name in "ab"]
    assert [run.has_results for run in (under_way, *looks)] == [False, False, True]
    assert summary(looks[1]) == summary(fetch(store)) == (True, ids, ids, "")
    assert looks[1].results == fetch(store).results


def test_peek__goes_on(create, redis_server):
    """A look at a run that goes on as it should is one script, which writes nothing and tells what another would."""
    store = create(*(make_step(f"{number:03}") for number in range(100)))
    take(store, "one")
    store.peek(RUN)
    redis_server.client.config_resetstat()

    run = store.peek(RUN)
    calls = {
        name.removeprefix("cmdstat_"): each["calls"] for name, each in redis_server.client.info("commandstats").items()
    }
    other = store.peek(RUN, has_ended=True)

    assert calls.pop("evalsha") == 1
    assert set(calls) <= {"config|resetstat", "time", "hgetall", "exists", "zrangebyscore"}
    assert run.started_at
    assert replace(other, seen_at=run.seen_at, seconds=run.seconds, left_seconds=run.left_seconds) == run


@pytest.mark.parametrize(("after", "new"), [(0, "ab"), (1, "b"), (2, "")])
def test_new_results__of_a_finished_run(create, after, new):
    """What came after so many results is all that there is, also where the run had been read with all of them."""
    store = create(make_step("a"), make_step("b"))
    for name in "ab":
        take(store, "one", ended=(take(store, "one"), make_result(name)))

    run = store.new_results(store.peek(RUN, most_results=2), after)

    assert list(run.results) == [make_step(name).id for name in new]
    assert not run.has_results


def test_with_results__in_parts(create):
    """A run of more results than are read at once has them all, each beside its step."""
    steps = [make_step(f"{number:04}") for number in range(2 * MOST_RESULTS + 1)]
    known = {step.id: Result(id=step.id, outcome=Outcome.ERRORED, message=step.id) for step in steps}
    store = create(*steps, known=known)

    run = fetch(store)

    assert [step.id for step in run.plan.steps] == [step.id for step in steps]
    assert all(result.message == test_id for test_id, result in run.results.items())
    assert len(run.results) == len(steps)


def test_with_results__of_many_bytes(create):
    """Redis reads no more at once than it does quickly: results that are large in all do not come with the look."""
    steps = [make_step(f"{number:02}") for number in range(60)]
    known = {step.id: Result(id=step.id, outcome=Outcome.ERRORED, message=step.id[-2:] * 100_000) for step in steps}
    store = create(*steps, known=known)

    run = store.peek(RUN, most_results=MOST_RESULTS)
    whole = store.with_results(run)

    assert run.finished_at
    assert not run.has_results
    assert whole.plan.steps == tuple(steps)
    assert whole.results == known


@pytest.mark.usefixtures("receive_finished")
def test_place_is_free_again(create, redis_server):
    """Whoever tells of a run's end leaves its place, so that the next who wants the same need not look at it."""
    places = open_places(redis_server.url)
    store = create(make_step("a"), place="wanted")
    claim(places, "wanted", RUN)
    assignment = take(store, "one")
    herald(store.peek(RUN), store, conf.current())
    under_way = places.look_call("wanted", most=5).ask().holder

    take(store, "one", ended=(assignment, make_result("a")))
    herald(store.peek(RUN), store, conf.current())

    assert (under_way, places.look_call("wanted", most=5).ask().holder) == (RUN, "")


def test_claim_telling(create):
    """What has happened with a run is for one alone to tell; what has not happened is for nobody."""
    store = create(make_step("a"))
    early = store.claim_telling(RUN, BOTH)
    assignment = take(store, "one")

    begun = [store.claim_telling(RUN, BOTH) for _ in range(2)]
    take(store, "one", ended=(assignment, make_result("a")))
    ended = [store.claim_telling(RUN, BOTH) for _ in range(2)]

    assert (early, begun, ended) == ([], [["started"], []], [["finished"], []])
    assert store.peek(RUN).told == ()


def test_claim_telling__confirmed(create):
    """What was told is told, and who confirms it for a run that is gone does not bring that back."""
    store = create(make_step("a"))
    take(store, "one")

    store.confirm_told(RUN, store.claim_telling(RUN, BOTH))
    store.confirm_told("gone", BOTH)

    assert store.peek(RUN).told == ("started",)
    with pytest.raises(UnknownRunError):
        store.peek("gone")


def test_finished__who_was_to_tell_has_died(create, receive_finished, redis_server):
    """Where whoever was to tell of the end has not said for long that it did, another tells; and then nobody more."""
    store = create(make_step("a"))
    take(store, "one", ended=(take(store, "one"), make_result("a")))
    store.claim_telling(RUN, BOTH)
    herald(store.peek(RUN), store, conf.current())
    early = list(receive_finished)
    redis_server.client.hset(f"smoketest:{{{RUN}}}", "telling:finished", 1)

    for _ in range(2):
        herald(store.peek(RUN), store, conf.current())
        redis_server.client.hset(f"smoketest:{{{RUN}}}", "telling:finished", 1)

    assert (early, receive_finished) == ([], [Status.PASS])


def test_finished_since_it_was_looked_at(create, receive_finished):
    """Whoever has seen a run before its end tells nothing of the end: what was seen is not how it ended."""
    store = create(make_step("a"))
    assignment = take(store, "one")
    seen_before = store.peek(RUN)
    take(store, "one", ended=(assignment, make_result("a")))

    herald(seen_before, store, conf.current())
    herald(store.peek(RUN), store, conf.current())

    assert receive_finished == [Status.PASS]


def test_left_to_the_worker(create, receive_finished):
    """Who looks at a run just after its end leaves the telling to whoever ended it, unless nobody has told for long."""
    store = create(make_step("a"))
    take(store, "one", ended=(take(store, "one"), make_result("a")))
    ended = store.peek(RUN)

    seen = replace(ended, seen_at=ended.finished_at + timedelta(milliseconds=1))
    herald(seen, store, conf.current(), untold_seconds=2)
    assert receive_finished == []
    herald(replace(seen, seen_at=seen.finished_at + timedelta(seconds=2)), store, conf.current(), untold_seconds=2)
    assert receive_finished == [Status.PASS]


def test_ended_by_the_look(create, receive_finished, redis_server):
    """Who ends a run by looking at it, since a lease is over, tells at once: nobody else may ever look."""
    store = create(make_step("a"))
    take(store, "one")
    expire_leases(redis_server)

    herald(store.peek(RUN), store, conf.current(), untold_seconds=2)

    assert receive_finished == [Status.FAIL]


def test_claim_telling__no_run(store, redis_server):
    """Of a run that Redis has lost nothing is told, and nothing is kept."""
    assert store.claim_telling(RUN, BOTH) == []
    assert redis_server.client.keys() == []


def test_step__first_result_wins(create, redis_server):
    """A late second result for a step does not replace the first."""
    store = create(make_step("a"))
    assignment = take(store, "one")
    expire_leases(redis_server)
    fetch(store)

    take(store, "one", ended=(assignment, make_result("a")))

    run = fetch(store)
    assert [result.cause for result in run.results.values()] == [Cause.LOST]
    assert (run.counts.errored, run.counts.passed) == (1, 0)


def test_step__unit_stays_with_its_shard(create):
    """Steps that share fixtures go to one shard, one after another."""
    scope = ("shop.smoke.Test",)
    store = create(make_step("a", scopes=scope, keeps=1), make_step("b", scopes=scope), make_step("c"))

    first = take(store, "one")
    other = take(store, "two")
    second = take(store, "one", ended=(first, make_result("a")))

    assert [assignment.step.id[-1] for assignment in (first, second, other)] == ["a", "b", "c"]


def test_sweep__one_comes_back(create, redis_server):
    """Whoever looks first when Redis is back gives nobody up: the others have waited for it too, and tell next."""
    store = create(make_step("a"), make_step("b"))
    taken = {shard: take(store, shard) for shard in ("one", "two")}
    be_away(redis_server, seconds=20)

    take(store, "one", ended=(taken["one"], make_result("a")))
    looked_at = store.peek(RUN)
    take(store, "two", ended=(taken["two"], make_result("b")))

    assert looked_at.counts.ended == 1
    assert fetch(store).counts.passed == 2


def test_sweep__nobody_comes_back(create, redis_server):
    """A shard that does not tell within a few seconds, when Redis is back, is given up."""
    store = create(make_step("a"))
    take(store, "one")
    be_away(redis_server, seconds=20)

    looked_at = store.peek(RUN)
    waiting.until(lambda: store.peek(RUN).finished_at, what="the shard is given up")

    assert not looked_at.finished_at
    assert fetch(store).results[make_step("a").id].cause is Cause.LOST


def test_sweep__waits_anew_when_redis_is_back(create, redis_server):
    """How long tests wait for a worker does not count while Redis is away: the workers could not come."""
    store = create(make_step("a"), start_seconds=1)
    be_away(redis_server, seconds=90)

    at_once = store.peek(RUN)
    waiting.until(lambda: store.peek(RUN).silent_lanes, what="the start timeout passes")

    assert at_once.silent_lanes == ()


@pytest.mark.parametrize("seconds", [50, 150, 300])
def test_sweep__who_looks_seldom(create, redis_server, seconds):
    """Whoever looks only now and then at a run that nobody takes sees its end: that is no outage each time."""
    store = create(make_step("a"))
    looks = []
    be_away(redis_server, seconds=seconds)
    looks.append(store.peek(RUN))
    be_away(redis_server, seconds=seconds)
    looks.append(store.peek(RUN))
    be_away(redis_server, seconds=seconds)
    looks.append(store.peek(RUN))

    assert looks[0].silent_lanes == ()
    assert ("",) in [look.silent_lanes for look in looks]


def test_sweep__who_looks_seldom_and_another_often(create, redis_server):
    """What was over when it was last seen does not begin anew, though nobody has ended it: a scraper only looks."""
    store = create(make_step("a"))
    silent = []
    for _ in range(30):
        be_away(redis_server, seconds=4)
        silent.append(store.peek(RUN).silent_lanes)

    assert silent[-10:] == [("",)] * 10


def test_sweep__away_twice(create, redis_server):
    """Redis may be away a second time where somebody has looked on for long in between."""
    store = create(make_step("a"), start_seconds=6)
    taken = take(store, "one")
    be_away(redis_server, seconds=4)
    store.peek(RUN)
    for _ in range(5):
        be_away(redis_server, seconds=2)
        store.hold(Shard(run_id=RUN, name="one"), limit_seconds=60)
        store.peek(RUN)

    be_away(redis_server, seconds=100)
    store.peek(RUN)
    take(store, "one", ended=(taken, make_result("a")))

    assert fetch(store).counts.passed == 1


def test_sweep__nearly_over(create, redis_server):
    """A shard whose time is over just when Redis is back has as much more as one whose time was over before."""
    store = create(make_step("a"))
    taken = take(store, "one")
    be_away(redis_server, seconds=9.8)  # of ten
    store.peek(RUN)
    be_away(redis_server, seconds=2)

    store.peek(RUN)
    take(store, "one", ended=(taken, make_result("a")))

    assert fetch(store).counts.passed == 1


@pytest.mark.parametrize("late", [{"running": "1"}, {"most": 1}, {"most": 0}])
def test_step__comes_behind_a_later_one(create, late):
    """A call that comes late, when Redis is back say, takes from its shard nothing of what that has got since."""
    store = create(*(make_step(name) for name in "abcd"))
    shard = Shard(run_id=RUN, name="one")
    (first,) = store.step(shard, turn=1).assignments
    second = store.step(shard, turn=2, ended=[(first, make_result("a"))], most=2).assignments
    third = store.step(shard, turn=4, ended=[(each, make_result(each.step.id[-1])) for each in second], most=2)

    answer = store.step(shard, turn=3, ended=[(first, make_result("a"))], **late)

    assert not answer.assignments
    assert store.owns(shard)
    assert names(third) == names(store.step(shard, turn=5, most=2))


def test_step__rest_of_a_lost_unit_is_taken_by_another(create, redis_server):
    """When a shard is lost in mid-unit only the step it ran is lost."""
    scope = ("shop.smoke.Test",)
    store = create(make_step("a", scopes=scope, keeps=1), make_step("b", scopes=scope))
    take(store, "one")
    expire_leases(redis_server)

    taken = take(store, "two")

    assert taken.step.id.endswith(".b")


def test_step__stopping_hands_back(create):
    """A shard that stops hands back what it has not begun."""
    scope = ("shop.smoke.Test",)
    store = create(make_step("a", scopes=scope, keeps=1), make_step("b", scopes=scope))
    first = take(store, "one")

    stopped = take(store, "one", ended=(first, make_result("a")), most=0)
    taken = take(store, "two")

    assert stopped is None
    assert taken.step.id.endswith(".b")


def test_step__several_at_once(create):
    """A shard may take several steps, but no more than its share; they are its own until it has told their end."""
    store, one = create(*map(make_step, "abcde")), Shard(run_id=RUN, name="one")

    first = store.step(one, most=3)
    told = [(first.assignments[0], make_result("a"))]
    again = store.step(one, ended=told, most=3)

    assert (names(first), names(again)) == (["a", "b", "c"], ["b", "c"])
    assert take(store, "two").step.id.endswith(".d")


def test_step__gives_back_what_it_has_not_begun(create):
    """A shard whose step takes long keeps that alone, and others get the rest, in order."""
    store, one = create(*map(make_step, "abcde")), Shard(run_id=RUN, name="one")
    first = store.step(one, most=4)

    kept = store.step(one, ended=[(first.assignments[0], make_result("a"))], running=first.assignments[1].index)
    other = store.step(Shard(run_id=RUN, name="two"), most=5)

    assert (names(kept), names(other)) == (["b"], ["c", "d"])
    assert store.peek(RUN).counts.passed == 1


def test_step__all_that_was_taken_is_lost(create):
    """What a dead shard had taken it may have begun: none of it is begun again."""
    store = create(*map(make_step, "abcd"))
    store.step(Shard(run_id=RUN, name="one"), most=2)

    store.abandon(RUN, "one", "it died")

    assert store.peek(RUN).counts.errored == 2
    assert names(store.step(Shard(run_id=RUN, name="two"), most=5)) == ["c"]


def test_step__no_more_side_by_side(store):
    """However many messages were sent, no more shards work side by side than the run is to have."""
    plan = Plan(steps=tuple(map(make_step, "abc")))
    about = About(release="r1", host="web1", test_classes=1)
    store.create_call(RUN, new_run(plan, about, Terms(start_seconds=60, keep_seconds=1000, parallel=2))).ask()

    taken = [take(store, shard) for shard in ("one", "two", "three")]
    next_of_one = take(store, "one", ended=(taken[0], make_result("a")))

    assert [step and step.step.id[-1] for step in taken] == ["a", "b", None]
    assert next_of_one.step.id.endswith(".c")


def test_step__a_unit_is_taken_alone(create):
    """Steps that share fixtures are handed out one at a time, and none that follows before the last."""
    scope = ("shop.smoke.Test",)
    unit = [make_step("b", scopes=scope, keeps=1), make_step("c", scopes=scope)]
    store, one = create(make_step("a"), *unit, make_step("d")), Shard(run_id=RUN, name="one")

    handed = [store.step(one, most=9)]
    for name in "abcd":
        handed.append(store.step(one, ended=[(handed[-1].assignments[0], make_result(name))], most=9))

    assert [names(answer) for answer in handed] == [["a"], ["b"], ["c"], ["d"], []]


def test_step__a_unit_is_given_back_whole(create):
    """A unit that is not begun after all goes back as it was."""
    scope = ("shop.smoke.Test",)
    store = create(make_step("b", scopes=scope, keeps=1), make_step("c", scopes=scope))
    one = Shard(run_id=RUN, name="one")
    store.step(one)

    left = store.step(one, most=0).left

    assert left == 1
    assert take(store, "two").step.id.endswith(".b")


def test_step__is_cancelled_while_it_runs(create):
    """A shard that asks for what it runs gets nothing when that is its own no more, and no other step either."""
    store, one = create(make_step("a"), make_step("b")), Shard(run_id=RUN, name="one")
    first = store.step(one)
    store.abandon(RUN, "one", "it was taken for dead")

    kept = store.step(one, running=first.assignments[0].index)

    assert (names(kept), kept.left) == ([], 1)


def test_step__unknown_run(store):
    """There is nothing to do for a run that never was, or that Redis lost."""
    with pytest.raises(UnknownRunError):
        begin(store, "one")

    assert take(store, "one") is None


def test_begin__again(create):
    """A shard delivered again is told of those before it that own a step; when they are dead, that step is lost."""
    store = create(make_step("a"), make_step("b"), make_step("c"))
    take(store, "first task-1 ")
    take(store, "other task-2 ")

    begun = begin(store, "second task-1 ")
    left = store.abandon(RUN, begun.earlier[0], "it died")
    taken = take(store, "second task-1 ")

    assert (begun.has_work, begun.earlier) == (False, ("first task-1 ",))
    assert (left.units, left.lane) == (1, "")
    assert taken.step.id.endswith(".c")
    assert fetch(store).counts.errored == 1


def test_begin__of_a_later_version(create, redis_server):
    """Of a run that a later version has created that is known which this one knows."""
    store = create(make_step("a"))
    key = f"smoketest:{{{RUN}}}"
    redis_server.client.hset(key, "about", json.dumps({**json.loads(redis_server.client.hget(key, "about")), "x": 1}))

    begun = begin(store, "one")

    assert begun.about.release == "r1"


def test_begin__with_a_step(create):
    """A shard that has a process ready gets its first step at once, and is told when there is none."""
    store = create(make_step("a"), make_step("b"))

    first, again, second = (begin(store, shard, most=1, turn=1).first for shard in ("one", "one", "two"))
    store.cancel(RUN)
    third = begin(store, "three", most=1).first

    assert [names(each) for each in (first, again, second)] == [["a"], ["a"], ["b"]]
    assert (first.has_ended, names(third), third.has_ended) == (False, [], True)


def test_begin__again_with_a_step(create):
    """What an earlier delivery of the same message has begun is looked at before the next step is handed out."""
    store = create(make_step("a"), make_step("b"))
    begin(store, "first task-1 ", most=1)

    begun = begin(store, "second task-1 ", most=1)

    assert (begun.has_work, begun.first, begun.earlier) == (True, None, ("first task-1 ",))


def test_begin__comes_late(create):
    """The begin of a shard that has come further meanwhile changes nothing: its packet was late."""
    store = create(make_step("a"), make_step("b"))
    assignment = begin(store, "one", most=1, turn=1).first.assignments[0]
    take(store, "one", ended=(assignment, make_result("a")), turn=2, most=0)

    late = begin(store, "one", most=1, turn=1)

    assert (late.has_work, late.first) == (False, None)
    assert store.owners(RUN) == []


@pytest.mark.parametrize(("release", "has_work"), [("r1", True), ("r2", False)])
def test_begin__release(create, release, has_work):
    """A shard of the run's release may wait for a process at once; one of another release holds nothing up."""
    store = create(make_step("a"))

    begun = begin(store, "one", release=release)

    assert (begun.about.release, begun.has_work) == ("r1", has_work)
    assert store.owners(RUN) == (["one"] if has_work else [])
    assert store.quiet_lanes(RUN) == ([] if has_work else [""])


def test_abandon__taken_together(create):
    """Where a shard has taken several, none of them is said to have run; where it has taken one, that ran."""
    store = create(*map(make_step, "abcd"))
    store.step(Shard(run_id=RUN, name="two"), most=2)
    take(store, "one")

    store.abandon(RUN, "two", "it died")
    store.abandon(RUN, "one", "it died")

    messages = [result.message for result in fetch(store).results.values()]
    together = "it died; it was one of 2 that were taken together, of which one ran then"
    assert messages == [together, together, "it died"]


def test_abandon__lost_run(create, redis_server):
    """Of a run that Redis has lost but for its shards nothing is written again."""
    store = create(make_step("a"), make_step("b"))
    take(store, "one")
    redis_server.client.delete(f"smoketest:{{{RUN}}}")

    store.abandon(RUN, "one", "it died")
    store.give_up(RUN, "", "nobody came")

    assert not redis_server.client.exists(f"smoketest:{{{RUN}}}")


def test_sweep__nobody_comes(create):
    """Without a sign of life within the start timeout all is lost, by whoever looks."""
    store = create(make_step("a"), make_step("b"), start_seconds=0.05)

    waiting.until(lambda: store.peek(RUN).silent_lanes == ("",), what="the start timeout passes")
    store.give_up(RUN, "", "nobody came")

    assert {(result.cause, result.message) for result in fetch(store).results.values()} == {(Cause.LOST, "nobody came")}


def test_sweep__somebody_came_in_vain(create, redis_server):
    """Shards that come and end before their first step are no sign of life, however many they are."""
    store = create(make_step("a"), make_step("b"), start_seconds=60.0)
    redis_server.client.zincrby(f"smoketest:{{{RUN}}}:quiet", -61_000, "")
    held = []

    for name in ("one", "two"):
        store.hold(Shard(run_id=RUN, name=name))
        held.append(store.peek(RUN).silent_lanes)
        left = store.abandon(RUN, name, "it raised")

    assert held == [(), ()]
    assert left.units == 0
    assert store.peek(RUN).silent_lanes == ("",)


def test_sweep__somebody_came_and_began(create, redis_server):
    """A first step is a sign of life: what waits after that waits anew."""
    store = create(make_step("a"), make_step("b"), start_seconds=60.0)
    redis_server.client.zincrby(f"smoketest:{{{RUN}}}:quiet", -61_000, "")

    store.hold(Shard(run_id=RUN, name="one"))
    take(store, "one")
    left = store.abandon(RUN, "one", "it died")

    assert left.units == 1
    assert store.peek(RUN).silent_lanes == ()


def test_give_up__somebody_came(create):
    """When a shard has come meanwhile nothing is given up."""
    store = create(make_step("a"), make_step("b"), start_seconds=0.05)
    waiting.until(lambda: store.peek(RUN).silent_lanes, what="the start timeout passes")

    take(store, "one")
    store.give_up(RUN, "", "nobody came")

    assert store.peek(RUN).counts.ended == 0


def test_sweep__shard_at_work(create):
    """While a shard is at work the others' absence is no reason to give up."""
    store = create(make_step("a"), make_step("b"), start_seconds=0.05)
    assignment = take(store, "one")
    waiting.until(lambda: fetch(store).seconds > 0.1, what="the start timeout passes")

    take(store, "one", ended=(assignment, make_result("a")))

    assert fetch(store).counts.errored == 0


def test_sweep__deadline(create, redis_server):
    """At the run's own deadline what runs is lost and the rest is not run."""
    store = create(make_step("a"), make_step("b"))
    take(store, "one")
    redis_server.client.hset(f"smoketest:{{{RUN}}}", "deadline", 1)

    run = fetch(store)

    assert [result.cause for result in run.results.values()] == [Cause.LOST, Cause.NOT_RUN]
    assert list(run.results.values())[1].message == "the deadline of the run passed before it could begin"


def test_sweep__deadline_while_nobody_comes(create, redis_server):
    """At the deadline it is told where no worker was at work on the run: what is left did not wait for other tests."""
    store = create(make_step("a"), start_seconds=60.0)
    redis_server.client.zincrby(f"smoketest:{{{RUN}}}:quiet", -40_000, "")
    redis_server.client.hincrby(f"smoketest:{{{RUN}}}", "deadline", -round(store.peek(RUN).left_seconds * 1000) - 1)

    (result,) = fetch(store).results.values()

    assert result.cause is Cause.NOT_RUN
    assert result.message == "the deadline of the run passed while no worker took it"


def test_sweep__away_beyond_the_deadline(create, redis_server):
    """When Redis was away for longer than a run may take that is not the run's time: what waits is still run."""
    store = create(make_step("a"), make_step("b"))
    take(store, "one")
    be_away(redis_server, seconds=3600, times=(*TIMES, "deadline"))

    seen = store.peek(RUN)
    expire_leases(redis_server)
    after = fetch(store)

    assert seen.counts.ended == 0
    assert [result.cause for result in after.results.values()] == [Cause.LOST]
    assert take(store, "two").step.id == make_step("b").id


def test_sweep__clock_put_back(create, redis_server):
    """When Redis' clock is put back by an hour nobody has an hour more, and nothing takes less than no time."""
    store = create(make_step("a"), make_step("b"))
    take(store, "one")
    before = store.peek(RUN)
    be_away(redis_server, seconds=-3600, times=(*TIMES, "deadline"))

    seen = store.peek(RUN)
    leases = redis_server.client.zrange(f"smoketest:{{{RUN}}}:leases", 0, -1, withscores=True)
    expire_leases(redis_server)
    after = fetch(store)

    assert abs(seen.left_seconds - before.left_seconds) < 60
    assert all(score / 1000 < seen.seen_at.timestamp() + 60 for _, score in leases)
    assert 0 <= after.seconds < 60
    assert [result.cause for result in after.results.values()] == [Cause.LOST]


@pytest.mark.parametrize("key", ["todo", "quiet", "lanes", "leases", "shards"])
def test_sweep__lost_key(create, redis_server, key):
    """A run of which Redis has lost a part ends at its deadline at the latest."""
    store = create(make_step("a"), make_step("b"))
    assignment = take(store, "one")
    redis_server.client.delete(f"smoketest:{{{RUN}}}:{key}")
    take(store, "one", ended=(assignment, make_result("a")), most=0)
    redis_server.client.hset(f"smoketest:{{{RUN}}}", "deadline", 1)

    run = fetch(store)

    assert (run.counts.passed, run.counts.errored) == (1, 1)
    assert run.finished_at


def test_sweep__lost_todo(create, redis_server):
    """What Redis has lost of what waits is told as soon as nobody is at work."""
    store = create(make_step("a"), make_step("b"))
    assignment = take(store, "one")
    redis_server.client.delete(f"smoketest:{{{RUN}}}:todo")
    at_work = fetch(store)
    take(store, "one", ended=(assignment, make_result("a")))

    run = fetch(store)

    assert at_work.counts.ended == 0
    assert [result.cause for result in run.results.values()] == [None, Cause.LOST]
    assert run.finished_at


def test_sweep__lost_steps(create, redis_server):
    """Where Redis has lost what the tests are, whoever asks for one ends the run; its report is not green."""
    store = create(make_step("a"), make_step("b"))
    redis_server.client.delete(f"smoketest:{{{RUN}}}:steps")

    taken = take(store, "one")

    run = fetch(store)
    assert taken is None
    assert (run.counts.errored, bool(run.finished_at)) == (2, True)
    assert summarise_final(run, None).reason == "of 2 results only 0 are there: Redis has lost the others"


@pytest.mark.parametrize("lost", ["steps", "results"])
def test_peek__lost_results(create, redis_server, lost):
    """A finished run whose results are lost is not green where it is looked at without them either, in a list say."""
    store = create(make_step("a"))
    take(store, "one", ended=(take(store, "one"), make_result("a")))
    whole = summarise(store.peek(RUN))

    redis_server.client.delete(f"smoketest:{{{RUN}}}:{lost}")
    report = summarise(store.peek(RUN))

    assert (whole.status, whole.reason) == (Status.PASS, "")
    assert (report.status, report.reason) == (
        Status.FAIL,
        "of 1 results only 0 are there: Redis has lost the others",
    )


def test_fetch__lost_results(create, redis_server):
    """A run whose results are lost is not green, whatever they were."""
    store = create(make_step("a"))
    take(store, "one", ended=(take(store, "one"), make_result("a")))
    redis_server.client.delete(f"smoketest:{{{RUN}}}:results")

    assert summarise_final(fetch(store), None).status is Status.FAIL


def test_keys_expire__lost_key(create, redis_server):
    """A key that Redis has lost does not come back without an expiry."""
    store = create(make_step("a"), make_step("b"))
    take(store, "one")
    redis_server.client.delete(f"smoketest:{{{RUN}}}:lanes")

    take(store, "one", most=0)
    store.idle_lanes(RUN, [""], patience_seconds=-1)

    keys = redis_server.client.keys("smoketest:*")
    assert keys
    assert all(redis_server.client.ttl(key) > 0 for key in keys)


def test_keys_expire(create, redis_server):
    """Every key has an expiry from its first write on; what only a run that goes on needs is gone when it has ended."""
    store = create(make_step("a"), make_step("b"), known={make_step("b").id: make_result("b", Outcome.ERRORED)})
    waiting_for_one = ttls(redis_server)
    assignment = take(store, "one")
    going_on = ttls(redis_server)
    take(store, "one", ended=(assignment, make_result("a")))
    ended = ttls(redis_server)

    assert all(ttl > 0 for each in (waiting_for_one, going_on, ended) for ttl in each.values())
    assert {"", ":results", ":order", ":quiet"} <= waiting_for_one.keys()
    assert {":shards", ":leases", ":owners"} <= going_on.keys()
    assert ended.keys() == {"", ":steps", ":results", ":order", ":done"}


def test_keys_expire__every_host(create, redis_server):
    """What waits for a host stays as long as the run goes on, whoever works on it, and no longer."""
    store = create(make_step("a@web1", host="web1"), make_step("a@web2", host="web2"))
    redis_server.client.expire(f"smoketest:{{{RUN}}}:todo@web2", 5)
    redis_server.client.hset(f"smoketest:{{{RUN}}}", "renewed_at", 1)

    store.step(Shard(run_id=RUN, name="one", lane="web1"))
    going_on = ttls(redis_server)
    store.cancel(RUN)

    assert going_on[":todo@web2"] == going_on[""]
    assert ttls(redis_server).keys() == {"", ":steps", ":results", ":order", ":done"}


def test_keys_expire__compared(store, redis_server):
    """What a run is compared with stays as long as it does."""
    plan, about = Plan(steps=(make_step("a"),)), About(release="r1", host="web1", test_classes=1)
    terms = Terms(start_seconds=60, keep_seconds=1000, parallel=2)

    store.create_call(RUN, new_run(plan, about, terms), baseline="packed").ask()

    assert ttls(redis_server)[":baseline"] == ttls(redis_server)[""]
    assert fetch(store).baseline == "packed"


def ttls(redis_server):
    """Return how long each key of the run stays, by the end of its name."""
    prefix = f"smoketest:{{{RUN}}}"
    return {key.removeprefix(prefix): redis_server.client.ttl(key) for key in redis_server.client.keys(f"{prefix}*")}


def test_peek__time_counts_from_the_request(create):
    """The time of a run has the wait for a worker in it, which is over when the first test is taken."""
    store = create(make_step("a"))
    waiting.until(lambda: store.peek(RUN).seconds > 0.1, what="it waits for a worker")

    take(store, "one", ended=(take(store, "one"), make_result("a")))
    run = store.peek(RUN)

    assert run.seconds - (run.finished_at - run.started_at).total_seconds() > 0.1


def test_sweep__tells_when_it_happened(create):
    """A run that nobody looked at ended when its patience did, not when somebody looks."""
    store = create(make_step("a"), start_seconds=0.1)
    waiting.until(lambda: store.peek(RUN).seconds > 0.5, what="some time passes")

    store.give_up(RUN, "", "nobody came")

    run = fetch(store)

    assert run.seconds == 0.1


def test_cancel(create):
    """After a cancel nothing starts, and what still runs changes nothing any more."""
    store = create(make_step("a"), make_step("b"))
    assignment = take(store, "one")

    store.cancel(RUN)
    taken = take(store, "one", ended=(assignment, make_result("a")))

    run = fetch(store)
    assert taken is None
    assert summarise(run).status is Status.CANCELLED
    assert {result.cause for result in run.results.values()} == {Cause.NOT_RUN}


def test_create__twice(create):
    """A second creation of a run changes nothing."""
    store = create(make_step("a"))
    take(store, "one")

    create(make_step("a"), make_step("b"))

    assert fetch(store).tests_total == 1


def test_create__outlasts_its_tests(create, redis_server):
    """A run that goes on is not forgotten, however short the time that one is kept once it has ended."""
    store = create(make_step("a"), keep_seconds=1)
    assignment = take(store, "one")
    going_on = {redis_server.client.ttl(key) > 60 for key in redis_server.client.scan_iter()}

    take(store, "one", ended=(assignment, make_result("a")))

    assert going_on == {True}
    assert redis_server.client.ttl(f"smoketest:{{{RUN}}}") <= 1


def test_create__nothing_to_do(create):
    """A run whose results are all known at its start has ended at once."""
    store = create(make_step("a"), known={"shop.smoke.Test.a": make_result("a", Outcome.ERRORED, cause=Cause.IMPORT)})

    run = fetch(store)

    assert run.finished_at
    assert summarise(run).status is Status.FAIL


def test_fetch__states(create):
    """A run is pending until a shard takes a step, running until the last result, and then a verdict."""
    store = create(make_step("a"))
    statuses = [summarise(fetch(store)).status]

    assignment = take(store, "one")
    statuses.append(summarise(fetch(store)).status)
    take(store, "one", ended=(assignment, make_result("a")))
    statuses.append(summarise(fetch(store)).status)

    assert statuses == [Status.PENDING, Status.RUNNING, Status.PASS]


def test_fetch__keeps_the_whole_result(create):
    """What was recorded comes back as it was."""
    step = make_step("a", tags=("money",), is_slow=True)
    result = make_result(
        "a",
        Outcome.ERRORED,
        cause=Cause.TIMEOUT,
        duration_seconds=1.5,
        waited_seconds=0.25,
        message="m",
        traceback="t",
        stdout="é\n",
        warnings=("w",),
        host="h",
        pid=7,
        release="r",
    )
    store = create(step)

    take(store, "one", ended=(take(store, "one"), result))

    run = fetch(store)
    assert run.plan.steps == (step,)
    assert run.results == {step.id: result}
    assert run.counts.timed_out == 1


def test_fetch__unknown(store):
    """There is no run of an unknown id."""
    with pytest.raises(UnknownRunError):
        store.peek("nothing")


def test_wait__wakes_all(create):
    """Each of those who wait for a run has it with its results at its end, also when it has ended before."""
    store = create(make_step("a"))
    take(store, "one", ended=(take(store, "one"), make_result("a")))

    runs = [store.wait(RUN, 5, most_results=1) for _ in range(2)]

    assert [summary(run) for run in runs] == [summary(fetch(store))] * 2
    assert all(run.finished_at for run in runs)


def test_wait__in_vain(create):
    """Who has waited for a run that goes on is told how it stands."""
    store = create(make_step("a"))
    take(store, "one")

    run = store.wait(RUN, 0.1)

    assert run.started_at
    assert not run.finished_at


def test_wait__unknown(store):
    """Nobody waits for a run that is not there."""
    with pytest.raises(UnknownRunError):
        store.wait(RUN, 0.1)


@pytest.mark.usefixtures("store")
def test_open_runs__are_kept(redis_server):
    """A run that is forgotten soon takes none that goes on for longer from those that are looked after."""
    places = open_places(redis_server.url)

    for run_id, keep_seconds in (("long", 1000), ("short", 10)):
        claim(places, run_id, run_id, keep_seconds=keep_seconds)

    assert [redis_server.client.ttl(key) > 900 for key in (RECENT, OPEN)] == [True, True]


@pytest.mark.usefixtures("store")
def test_claim__another_was_quicker(redis_server):
    """A place that somebody has taken since it was seen is his, unless any other's is to be taken."""
    places = open_places(redis_server.url)
    seen = places.look_call("wanted", most=10).ask()
    claim(places, "wanted", "quicker")

    taken = places.claim_call("wanted", "late", seen, most=10, keep_seconds=60).ask()
    instead = places.claim_call("wanted", "another", seen, is_another=True, most=10, keep_seconds=60).ask()

    assert (taken.holder, instead.holder) == ("quicker", "another")


def test_claim__behind_its_run(store, redis_server):
    """Nobody meets a place whose run is not there, also on a Redis that has never heard of either script."""
    places = open_places(redis_server.url)
    plan, about = Plan(steps=(make_step("a"),)), About(release="r1", host="web1", test_classes=1)
    new = new_run(plan, about, Terms(start_seconds=60, keep_seconds=1000, parallel=2))
    seen = places.look_call("wanted", most=10).ask()
    redis_server.client.script_flush()
    places.look_call("wanted", most=10).ask()

    with Both(store.create_call(RUN, new), places.claim_call("wanted", RUN, seen, most=10, keep_seconds=60)):
        waiting.until(lambda: places.look_call("wanted", most=10).ask().holder == RUN, what="it has its place")
        run = store.peek(RUN)

    assert run.tests_total == 1


@pytest.mark.usefixtures("store")
def test_claim__comes_late(redis_server):
    """A claim that comes when its answer is not waited for any more, since Redis was away, starts nothing."""
    places = open_places(redis_server.url)

    late = claim(places, "wanted", "late", after_seconds=1)
    in_time = claim(places, "wanted", "in time", after_seconds=0.5)
    instead = claim(places, "wanted", "instead", after_seconds=1)

    found = [(place.holder, place.is_late) for place in (late, in_time, instead)]
    assert found == [("", True), ("in time", False), ("in time", True)]
    assert places.recent_ids() == ["in time"]


@pytest.mark.usefixtures("store")
def test_recent__is_bounded(redis_server):
    """The list of recent runs keeps the newest."""
    redis_server.client.zadd(RECENT, {f"old-{number}": number for number in range(RECENT_RUNS + 50)})
    places = open_places(redis_server.url)

    claim(places, "this", "newest")

    assert places.recent_ids()[0] == "newest"
    assert redis_server.client.zcard(RECENT) == RECENT_RUNS


@pytest.mark.usefixtures("store")
def test_open__longer_than_the_list(redis_server):
    """More runs are looked after than are listed: those that wait longest are not forgotten."""
    redis_server.client.zadd(OPEN, {f"old-{number}": number for number in range(RECENT_RUNS + 50)})
    places = open_places(redis_server.url)

    claim(places, "this", "newest")

    assert redis_server.client.zcard(OPEN) == RECENT_RUNS + 51


@pytest.mark.usefixtures("store")
def test_claim__clock_put_back(redis_server):
    """Starts of before Redis' clock was put back keep nobody from starting more."""
    places = open_places(redis_server.url)
    for number in range(10):
        claim(places, f"wanted {number}", f"run {number}")
    full = claim(places, "this", "too many")
    for member, score in redis_server.client.zrange("smoketest:{orders}:starts", 0, -1, withscores=True):
        redis_server.client.zadd("smoketest:{orders}:starts", {member: score + 3_600_000})

    again = claim(places, "this", "another")

    assert (full.holder, full.full_seconds > 0) == ("", True)
    assert again.holder == "another"


def test_give_back__waits_anew(create):
    """What a shard hands over after a long test has not waited while that ran: it is not lost for want of a start."""
    store = create(make_step("a"), make_step("b"), start_seconds=0.3)
    first = take(store, "one")
    waiting.until(lambda: fetch(store).seconds > 0.4, what="the test takes longer than the start timeout")

    take(store, "one", ended=(first, make_result("a")), most=0)

    assert store.peek(RUN).silent_lanes == ()
