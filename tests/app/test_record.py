"""The record of runs in Redis."""

import pytest

from smoketest.errors import UnknownRunError
from smoketest.record.redis import RECENT_RUNS, About, open_store
from smoketest.report.summary import summarise
from smoketest.results import Cause, Outcome, Plan, Result, Status, Step
from tests import waiting

RUN = "1a1f8e7c2d5-0f3e5c7a9b1d2f4e6a8c0b2d4f6e8a0c-5d41402a"


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
def create(store):
    """Create the run of steps."""

    def create(*steps, known=None, start_seconds=60.0, keep_seconds=1000.0, run_id=RUN):
        plan = Plan(steps=steps, known=known or {})
        about = About(release="r1", host="web1", test_classes=1)
        store.create(run_id, plan, about, start_seconds=start_seconds, keep_seconds=keep_seconds)
        return store

    return create


def expire_leases(redis_server):
    key = f"smoketest:{{{RUN}}}:leases"
    redis_server.client.zadd(key, dict.fromkeys(redis_server.client.zrange(key, 0, -1), 0))


def test_step__takes_each_step_once(create):
    """Two shards take all steps between them, none twice."""
    store = create(make_step("a"), make_step("b"), make_step("c"))

    taken = [store.step(RUN, "one"), store.step(RUN, "two")]
    taken.append(store.step(RUN, "one", ended=(taken[0], make_result("a"))))

    assert [assignment.step.id[-1] for assignment in taken] == ["a", "b", "c"]


def test_step__is_safe_to_repeat(create):
    """The same call after a lost answer answers the same step, and records nothing twice."""
    store = create(make_step("a"), make_step("b"))
    first = store.step(RUN, "one")

    again = store.step(RUN, "one")
    second = store.step(RUN, "one", ended=(first, make_result("a")))
    second_again = store.step(RUN, "one", ended=(first, make_result("a")))

    assert (first.step, second.step) == (again.step, second_again.step)
    assert store.fetch(RUN).counts.passed == 1


def test_step__first_result_wins(create, redis_server):
    """A late second result for a step does not replace the first."""
    store = create(make_step("a"))
    assignment = store.step(RUN, "one")
    expire_leases(redis_server)
    store.fetch(RUN)

    store.step(RUN, "one", ended=(assignment, make_result("a")))

    run = store.fetch(RUN)
    assert [result.cause for result in run.results.values()] == [Cause.LOST]
    assert (run.counts.errored, run.counts.passed) == (1, 0)


def test_step__unit_stays_with_its_shard(create):
    """Steps that share fixtures go to one shard, one after another."""
    scope = ("shop.smoke.Test",)
    store = create(make_step("a", scopes=scope, keeps=1), make_step("b", scopes=scope), make_step("c"))

    first = store.step(RUN, "one")
    other = store.step(RUN, "two")
    second = store.step(RUN, "one", ended=(first, make_result("a")))

    assert [assignment.step.id[-1] for assignment in (first, second, other)] == ["a", "b", "c"]


def test_step__rest_of_a_lost_unit_is_taken_by_another(create, redis_server):
    """When a shard is lost in mid-unit only the step it ran is lost."""
    scope = ("shop.smoke.Test",)
    store = create(make_step("a", scopes=scope, keeps=1), make_step("b", scopes=scope))
    store.step(RUN, "one")
    expire_leases(redis_server)

    taken = store.step(RUN, "two")

    assert taken.step.id.endswith(".b")


def test_step__stopping_hands_back(create):
    """A shard that stops hands back what it has not begun."""
    scope = ("shop.smoke.Test",)
    store = create(make_step("a", scopes=scope, keeps=1), make_step("b", scopes=scope))
    first = store.step(RUN, "one")

    stopped = store.step(RUN, "one", ended=(first, make_result("a")), is_stopping=True)
    taken = store.step(RUN, "two")

    assert stopped is None
    assert taken.step.id.endswith(".b")


def test_step__unknown_run(store):
    """There is nothing to do for a run that never was, or that Redis lost."""
    store.begin(RUN, "one")

    assert store.step(RUN, "one") is None


def test_begin__again(create):
    """A shard delivered again loses the step that its dead predecessor ran, and never runs it twice."""
    store = create(make_step("a"), make_step("b"))
    store.step(RUN, "one")

    store.begin(RUN, "one")
    taken = store.step(RUN, "one")

    assert taken.step.id.endswith(".b")
    assert store.fetch(RUN).counts.errored == 1


def test_sweep__nobody_comes(create):
    """Without a sign of life within the start timeout all is lost, by whoever looks."""
    store = create(make_step("a"), make_step("b"), start_seconds=0.05)

    run = waiting.until(lambda: finished(store), what="the run ends")

    assert {result.cause for result in run.results.values()} == {Cause.LOST}


def test_sweep__shard_at_work(create):
    """While a shard is at work the others' absence is no reason to give up."""
    store = create(make_step("a"), make_step("b"), start_seconds=0.05)
    assignment = store.step(RUN, "one")
    waiting.until(lambda: store.fetch(RUN).seconds > 0.1, what="the start timeout passes")

    store.step(RUN, "one", ended=(assignment, make_result("a")))

    assert store.fetch(RUN).counts.errored == 0


def test_sweep__deadline(create, redis_server):
    """At the run's own deadline what runs is lost and the rest is not run."""
    store = create(make_step("a"), make_step("b"))
    store.step(RUN, "one")
    redis_server.client.hset(f"smoketest:{{{RUN}}}", "deadline", 1)

    run = store.fetch(RUN)

    assert [result.cause for result in run.results.values()] == [Cause.LOST, Cause.NOT_RUN]


def test_sweep__lost_key(create, redis_server):
    """A run of which Redis has lost a part still ends at its deadline."""
    store = create(make_step("a"), make_step("b"))
    redis_server.client.delete(f"smoketest:{{{RUN}}}:todo")
    redis_server.client.hset(f"smoketest:{{{RUN}}}", "deadline", 1)

    run = store.fetch(RUN)

    assert {result.cause for result in run.results.values()} == {Cause.LOST}
    assert run.finished_at


def test_sweep__tells_when_it_happened(create):
    """A run that nobody looked at ended when its patience did, not when somebody looks."""
    store = create(make_step("a"), start_seconds=0.1)
    began = store._client.time()[0]
    waiting.until(lambda: store._client.time()[0] > began + 1, what="a second has passed")

    run = store.fetch(RUN)

    assert run.seconds == 0.1


def test_cancel(create):
    """After a cancel nothing starts, and what still runs changes nothing any more."""
    store = create(make_step("a"), make_step("b"))
    assignment = store.step(RUN, "one")

    store.cancel(RUN)
    taken = store.step(RUN, "one", ended=(assignment, make_result("a")))

    run = store.fetch(RUN)
    assert taken is None
    assert summarise(run).status is Status.CANCELLED
    assert {result.cause for result in run.results.values()} == {Cause.NOT_RUN}


def test_create__twice(create):
    """A second creation of a run changes nothing."""
    store = create(make_step("a"))
    store.step(RUN, "one")

    create(make_step("a"), make_step("b"))

    assert store.fetch(RUN).tests_total == 1


def test_create__nothing_to_do(create):
    """A run whose results are all known at its start has ended at once."""
    store = create(make_step("a"), known={"shop.smoke.Test.a": make_result("a", Outcome.ERRORED, cause=Cause.IMPORT)})

    run = store.fetch(RUN)

    assert run.finished_at
    assert summarise(run).status is Status.FAIL


def test_fetch__states(create):
    """A run is pending until a shard takes a step, running until the last result, and then a verdict."""
    store = create(make_step("a"))
    statuses = [summarise(store.fetch(RUN)).status]

    assignment = store.step(RUN, "one")
    statuses.append(summarise(store.fetch(RUN)).status)
    store.step(RUN, "one", ended=(assignment, make_result("a")))
    statuses.append(summarise(store.fetch(RUN)).status)

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

    store.step(RUN, "one", ended=(store.step(RUN, "one"), result))

    run = store.fetch(RUN)
    assert run.plan.steps == (step,)
    assert run.results == {step.id: result}
    assert run.counts.timed_out == 1


def test_fetch__unknown(store):
    """There is no run of an unknown id."""
    with pytest.raises(UnknownRunError):
        store.fetch("nothing")


def test_wait__wakes_all(create):
    """Each of those who wait for a run is woken by its end, also when it has ended before."""
    store = create(make_step("a"))
    store.step(RUN, "one", ended=(store.step(RUN, "one"), make_result("a")))

    store.wait(RUN, 5)
    store.wait(RUN, 5)

    assert store.fetch(RUN).finished_at


def test_recent__is_bounded(create, redis_server):
    """The list of recent runs keeps the newest."""
    store = create(make_step("a"))
    redis_server.client.zadd("smoketest:runs", {f"old-{number}": number for number in range(RECENT_RUNS + 50)})

    create(make_step("a"), run_id="newest")

    assert store.recent()[0].id == "newest"
    assert redis_server.client.zcard("smoketest:runs") == RECENT_RUNS


def finished(store):
    run = store.fetch(RUN)
    return run if run.finished_at else None
