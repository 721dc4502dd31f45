"""One test, run by `execute`, always answers a result."""

import contextvars
import io
import logging
import os
import platform
import sys
import unittest
from contextlib import contextmanager, nullcontext

import pytest

from smoketest.cases import current_clock
from smoketest.clock import in_seconds
from smoketest.execution.execute import COMMITS_WARNING, execute
from smoketest.execution.fixtures import Fixtures
from smoketest.execution.session import callers_session, own_session
from smoketest.failures import MOST_CHARACTERS
from smoketest.results import Cause, Outcome
from tests.core.making import make_app, make_step, plan_of
from tests.project.fixtures import smoke as fixtures_smoke
from tests.project.fixtures_broken import smoke as broken_smoke
from tests.project.outcomes import smoke as outcomes_smoke

PASSED = (Outcome.PASSED, None)
FAILED = (Outcome.FAILED, None)
SKIPPED = (Outcome.SKIPPED, None)
RAISED = (Outcome.ERRORED, Cause.EXCEPTION)


class NoGuard:
    """Guards nothing, and answers with the violations that it is given."""

    def __init__(self, *violations):
        self._violations = list(violations)
        self.levels = []

    def level(self, databases, clock):  # noqa: ARG002
        self.levels.append(databases)
        return nullcontext()

    def unguarded(self):
        return nullcontext()

    def violations(self):
        seen, self._violations = self._violations, []
        return seen


@contextmanager
def plain_session(classes):
    guard = NoGuard()
    fixtures = Fixtures(guard)
    yield lambda step: execute(
        step, classes.get(step.id), fixtures=fixtures, guard=guard, clock=in_seconds(step.timeout_seconds)
    )
    fixtures.leave(0, pytest.fail, in_seconds(20))


@pytest.fixture(params=[plain_session, own_session, callers_session])
def run(request):
    """Run all tests of an app, or those below one name, and return their results by `Class.method`."""

    def run_app(app, name=""):
        words = {"test": (f"{app.name}.smoke.{name}",)} if name else {}
        found, plan = plan_of(app, **words)
        with request.param(found.classes) as execute_step:
            results = [contextvars.Context().run(execute_step, step) for unit in plan.units() for step in unit]
        return {result.id.partition(".smoke.")[2]: result for result in results}

    return run_app


def endings(results):
    return {name.partition(".")[2]: (result.outcome, result.cause) for name, result in results.items()}


def test_endings(run):
    """Each way in which a test can end is an outcome, and for what is no failure a cause."""
    results = run(make_app("outcomes"), "EndingsTest")

    assert endings(results) == {
        "test_a_language_is_left_behind": PASSED,
        "test_async_fails": FAILED,
        "test_async_passes": PASSED,
        "test_b_language_is_the_settings_own": PASSED,
        "test_exits": RAISED,
        "test_fails": FAILED,
        "test_fails_as_expected": PASSED,
        "test_generator_exit": RAISED,
        "test_is_interrupted": RAISED,
        "test_is_skipped": SKIPPED,
        "test_message_cannot_be_had": RAISED,
        "test_passes": PASSED,
        "test_passes_unexpectedly": FAILED,
        "test_prints": PASSED,
        "test_raises": RAISED,
        "test_runs_out_of_memory": RAISED,
        "test_skips": SKIPPED,
        "test_subtests": FAILED,
        "test_warns": RAISED,
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("test_passes", ""),
        ("test_fails", "'left' != 'right'\n- left\n+ right\n"),
        ("test_raises", "ValueError: what went wrong"),
        ("test_exits", "SystemExit: 7"),
        ("test_is_interrupted", "KeyboardInterrupt"),
        ("test_generator_exit", "GeneratorExit"),
        ("test_runs_out_of_memory", "MemoryError"),
        ("test_skips", "not today"),
        ("test_is_skipped", "never"),
        ("test_fails_as_expected", ""),
        ("test_passes_unexpectedly", "passed, but is marked with expectedFailure"),
        ("test_async_fails", "async"),
    ],
)
def test_message(run, name, message):
    """The message is the exception's own words, with its class unless it is a failed assertion."""
    results = run(make_app("outcomes"), f"EndingsTest.{name}")

    assert results[f"EndingsTest.{name}"].message == message


def test_message_that_cannot_be_had(run):
    """An exception that can't be printed is named by its class."""
    result = run(make_app("outcomes"), "EndingsTest.test_message_cannot_be_had")[
        "EndingsTest.test_message_cannot_be_had"
    ]

    assert result.message.endswith("Silent: <its text can't be had: RuntimeError>")
    assert "raise Silent" in result.traceback


def test_subtests_are_all_kept(run):
    """Each failure of a subtest is kept with its parameters."""
    result = run(make_app("outcomes"), "EndingsTest.test_subtests")["EndingsTest.test_subtests"]

    assert result.message == ("(number=1): 1 unexpectedly found in (1, 3)\n(number=3): 3 unexpectedly found in (1, 3)")
    assert result.traceback.count("self.assertNotIn(number, (1, 3))") == 2


def test_output_is_kept(run):
    """What a test prints and logs is kept with its result."""
    result = run(make_app("outcomes"), "EndingsTest.test_prints")["EndingsTest.test_prints"]

    assert result.stdout == "to stdout\n"
    assert result.stderr == "to stderr\n"
    assert result.logs == "WARNING project: to the log\n"


def test_result_says_where(run):
    """A result tells host, process and duration."""
    result = run(make_app("outcomes"), "EndingsTest.test_passes")["EndingsTest.test_passes"]

    assert (result.host, result.pid) == (platform.node(), os.getpid())
    assert result.duration_seconds > 0
    assert result.warnings == ()


@pytest.mark.parametrize("name", ["test_fails", "test_is_interrupted", "test_exits"])
def test_tear_down_and_cleanups_always_run(run, name):
    """However a test ends, its tearDown and its cleanups are run."""
    outcomes_smoke.TeardownTest.calls.clear()

    run(make_app("outcomes"), f"TeardownTest.{name}")

    assert outcomes_smoke.TeardownTest.calls == ["setUp", "tearDown", "cleanup"]


def test_failure_and_error(run):
    """A test that fails and whose tearDown raises is errored, with both told."""
    result = run(make_app("outcomes"), "FailsAndErrorsTest")["FailsAndErrorsTest.test_fails_first"]

    assert (result.outcome, result.cause) == RAISED
    assert result.message == "in the test\nRuntimeError: in tearDown"
    assert result.traceback.count("Traceback (most recent call last)") == 2


def test_constructor_that_raises(run):
    """A test that can't even be made is errored."""
    result = run(make_app("outcomes"), "ConstructorTest")["ConstructorTest.test_never_begins"]

    assert (result.outcome, result.cause) == RAISED
    assert result.message == "RuntimeError: can't be made"


def test_class_that_is_skipped(run):
    """All tests of a skipped class are skipped with its reason."""
    results = run(make_app("skipped"))

    assert endings(results) == {"test_a": SKIPPED, "test_b": SKIPPED}
    assert {result.message for result in results.values()} == {"not here"}


@pytest.mark.parametrize(
    "name",
    [
        "test_fails",
        "test_raises",
        "test_exits",
        "test_is_interrupted",
        "test_async_fails",
        "test_subtests",
        "test_message_cannot_be_had",
    ],
)
def test_traceback_is_the_tests_own(run, name):
    """A traceback begins in the test and holds no frame of a harness."""
    result = run(make_app("outcomes"), f"EndingsTest.{name}")[f"EndingsTest.{name}"]

    assert result.traceback.startswith("Traceback (most recent call last):\n")
    assert "tests/project/outcomes/smoke.py" in result.traceback.splitlines()[1]
    assert "/unittest/" not in result.traceback
    assert "smoketest/cases" not in result.traceback
    assert "smoketest/execution" not in result.traceback
    assert "asgiref" not in result.traceback
    assert "asyncio" not in result.traceback


def test_reason_that_is_translated(run, write_app):
    """A reason to skip may be anything that has words, a lazy translation too."""
    app = write_app(
        "lazy",
        smoke="""
            import unittest
            from django.utils.translation import gettext_lazy
            from smoketest import SmokeTest
            class LazyTest(SmokeTest):
                @unittest.skip(gettext_lazy("not today"))
                def test_it(self):
                    pass
        """,
    )

    result = run(app)["LazyTest.test_it"]

    assert (result.outcome, result.message) == (Outcome.SKIPPED, "not today")


def test_causes_are_told(run, write_app):
    """What an exception was raised from is told with it."""
    app = write_app(
        "chained",
        smoke="""
            from smoketest import SmokeTest
            class ChainTest(SmokeTest):
                def test_it(self):
                    try:
                        {}["key"]
                    except KeyError as error:
                        raise ValueError("no key") from error
        """,
    )

    result = run(app)["ChainTest.test_it"]

    assert "KeyError: 'key'" in result.traceback
    assert "The above exception was the direct cause" in result.traceback


def test_unknown_test():
    """A step whose test this process does not have is errored as an import, with what that means."""
    with own_session({}) as execute_step:
        result = execute_step(make_step("shop.smoke.CartTest.test_new"))

    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.IMPORT)
    assert result.message.startswith("this process has no test shop.smoke.CartTest.test_new: its code is older")
    assert (result.host, result.pid) == (platform.node(), os.getpid())


def test_unknown_test_is_never_imported():
    """A step names no module to be imported, only a test that was found."""
    with own_session({}) as execute_step:
        result = execute_step(make_step("tests.project.hostile.smoke.CrashTest.test_exits_at_once"))

    assert result.cause is Cause.IMPORT


# What is too long


@pytest.fixture
def talkative(write_app):
    """A test that says a lot, everywhere."""
    return write_app(
        "talkative",
        smoke="""
            import logging, sys
            from smoketest import SmokeTest
            class TalkTest(SmokeTest):
                def test_it(self):
                    text = "a" + "x" * 20_000 + "z"
                    print(text, end="")
                    print(text, end="", file=sys.stderr)
                    logging.error(text)
                    self.fail(text)
        """,
    )


@pytest.mark.parametrize("kept", ["message", "traceback", "stdout", "stderr", "logs"])
def test_long_text_is_cut(run, talkative, kept):
    """A text that is too long is cut in the middle, with a note of how much is gone."""
    result = run(talkative)["TalkTest.test_it"]

    text = getattr(result, kept)
    assert len(text) < MOST_CHARACTERS + 50
    assert "characters left out ...]\n" in text
    assert text.rstrip().endswith("z")


def test_long_text_says_how_much_is_gone(run, talkative):
    """The note counts what was left out."""
    result = run(talkative)["TalkTest.test_it"]

    head, note, tail = result.stdout.split("\n")
    assert note == f"[... {20_002 - MOST_CHARACTERS} characters left out ...]"
    assert (head[0], len(head), len(tail), tail[-1]) == ("a", MOST_CHARACTERS // 2, MOST_CHARACTERS // 2, "z")


def test_very_long_output_keeps_its_end(run, write_app):
    """However much a test prints, the first and the last of it are kept, and the note counts the rest."""
    app = write_app(
        "chatter",
        smoke="""
            from smoketest import SmokeTest
            class ChatTest(SmokeTest):
                def test_it(self):
                    for _ in range(1000):
                        print("x" * 999)
                    print("the end")
        """,
    )

    result = run(app)["ChatTest.test_it"]

    assert result.stdout[-8:] == "the end\n"
    assert f"[... {1_000_008 - MOST_CHARACTERS} characters left out ...]" in result.stdout


# Fixtures


def order_in_unittest(module):
    """Return the calls that unittest's own runner makes."""
    module.calls.clear()
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    unittest.TextTestRunner(stream=io.StringIO()).run(suite)
    return list(module.calls)


def test_fixtures_in_unittests_order(run):
    """Fixtures of module, class and test are called just as unittest's own runner calls them."""
    expected = order_in_unittest(fixtures_smoke)
    fixtures_smoke.calls.clear()

    run(make_app("fixtures"))

    assert fixtures_smoke.calls == expected
    assert expected == [
        "setUpModule",
        "setUpClass",
        *("setUp", "a", "tearDown", "cleanup"),
        *("setUp", "b", "tearDown", "cleanup"),
        "tearDownClass",
        "class cleanup",
        "c",
        "tearDownModule",
        "module cleanup",
    ]


def test_fixtures_of_what_is_run(run):
    """A run of one test has its fixtures, and not those of others."""
    fixtures_smoke.calls.clear()

    run(make_app("fixtures"), "SecondTest")

    assert fixtures_smoke.calls == ["setUpModule", "c", "tearDownModule", "module cleanup"]


def test_set_up_class_that_fails(run):
    """A failing setUpClass is called once and charged to each test of the class; its cleanups are run."""
    broken_smoke.SetUpClassTest.calls.clear()

    results = run(make_app("fixtures_broken"), "SetUpClassTest")

    assert endings(results) == {"test_a": RAISED, "test_b": RAISED}
    assert {result.message for result in results.values()} == {"RuntimeError: no service"}
    assert broken_smoke.SetUpClassTest.calls == ["setUpClass", "cleanup"]


def test_set_up_class_that_skips(run):
    """A setUpClass may skip the tests of its class."""
    results = run(make_app("fixtures_broken"), "SkippingTest")

    assert endings(results) == {"test_a": SKIPPED}
    assert results["SkippingTest.test_a"].message == "no printer here"


def test_tear_down_class_that_fails(run):
    """A failing tearDownClass is charged to the last test of the class."""
    results = run(make_app("fixtures_broken"), "TearDownClassTest")

    assert endings(results) == {"test_a": PASSED, "test_b": RAISED}
    assert results["TearDownClassTest.test_b"].message == "RuntimeError: would not go"


def test_class_cleanup_that_fails(run):
    """A class cleanup that a test, or a thread of it, has added and that fails is that test's."""
    results = run(make_app("fixtures_broken"), "CleanupTest")

    assert endings(results) == {
        "test_class_cleanup_fails": FAILED,
        "test_class_cleanup_of_a_thread_fails": FAILED,
    }
    assert {result.message for result in results.values()} == {"left over"}


def test_time_limit_that_is_no_failure(run, write_app):
    """A test does not pass that ran into its time limit: neither as an expected failure, nor by swallowing that."""
    app = write_app(
        "limited",
        smoke="""
            import asyncio, unittest
            from contextlib import suppress
            from smoketest import SmokeTest, timeout
            @timeout(0.2)
            class LimitedTest(SmokeTest):
                @unittest.expectedFailure
                async def test_expected(self):
                    await asyncio.sleep(60)
                async def test_swallowed(self):
                    with suppress(asyncio.CancelledError):
                        await asyncio.sleep(60)
                @unittest.expectedFailure
                def test_swallowed_in_a_cleanup(self):
                    self.addCleanup(self.test_swallowed)
        """,
    )

    results = run(app)

    assert set(endings(results).values()) == {(Outcome.ERRORED, Cause.TIMEOUT)}
    assert {result.message for result in results.values()} == {"TimeLimitExceeded: timed out in what it awaits"}


def test_cleanups_that_are_async(run, write_app):
    """An async function that is given to a cleanup is awaited."""
    app = write_app(
        "cleaning",
        smoke="""
            import asyncio
            from smoketest import SmokeTest
            class CleaningTest(SmokeTest):
                async def fail_later(self):
                    await asyncio.sleep(0)
                    self.fail("in the cleanup")
                def test_cleanup(self):
                    self.addCleanup(self.fail_later)
                def test_class_cleanup(self):
                    self.addClassCleanup(self.fail_later)
            class FixtureTest(SmokeTest):
                @classmethod
                def setUpClass(cls):
                    cls.addClassCleanup(cls.fail_later)
                @classmethod
                async def fail_later(cls):
                    raise AssertionError("in the cleanup")
                def test_it(self):
                    pass
        """,
    )

    results = run(app)

    assert set(endings(results).values()) == {FAILED}
    assert {result.message for result in results.values()} == {"in the cleanup"}


@pytest.mark.parametrize("fixture", ["async def setUpModule(): pass", "def tearDownModule(): yield"])
def test_fixture_of_a_module_that_would_not_run(run, write_app, fixture):
    """A module's fixture of which nothing runs when it is called is an error."""
    app = write_app(
        "hollow",
        smoke=f"""
            from smoketest import SmokeTest
            {fixture}
            class HollowTest(SmokeTest):
                def test_it(self):
                    pass
        """,
    )

    result = run(app)["HollowTest.test_it"]

    assert (result.outcome, result.cause) == RAISED
    assert "make it a plain function" in result.message


MODULE = """
    import sys, unittest
    from smoketest import SmokeTest
    calls = []
    def setUpModule():
        calls.append("setUpModule")
        unittest.addModuleCleanup(calls.append, "module cleanup")
        {set_up_module}
    def tearDownModule():
        calls.append("tearDownModule")
        {tear_down_module}
    class FirstTest(SmokeTest):
        @classmethod
        def setUpClass(cls):
            calls.append("setUpClass")
            {set_up_class}
        @classmethod
        def tearDownClass(cls):
            calls.append("tearDownClass")
        {constructor}
        def test_a(self):
            calls.append("a")
    class SecondTest(SmokeTest):
        def test_b(self):
            calls.append("b")
"""
AS_IT_SHOULD_BE = dict.fromkeys(("set_up_module", "tear_down_module", "set_up_class", "constructor"), "pass")


@pytest.fixture
def module(write_app):
    """Write an app with fixtures into which something is put."""

    def write(**parts):
        return write_app("module", smoke=MODULE.format(**AS_IT_SHOULD_BE | parts))

    return write


def calls_of_module():
    return sys.modules["module.smoke"].calls


@pytest.mark.parametrize(
    "stop", ["raise RuntimeError", "sys.exit(1)", "raise KeyboardInterrupt", "raise GeneratorExit"]
)
def test_set_up_module_that_fails(run, module, stop):
    """A failing setUpModule is charged to each test of the module, and only its cleanups are run."""
    results = run(module(set_up_module=stop))

    assert endings(results) == {"test_a": RAISED, "test_b": RAISED}
    assert calls_of_module() == ["setUpModule", "module cleanup"]


def test_tear_down_module_that_fails(run, module):
    """A failing tearDownModule is charged to the last test of the module; the cleanups are run all the same."""
    results = run(module(tear_down_module="sys.exit('no')"))

    assert endings(results) == {"test_a": PASSED, "test_b": RAISED}
    assert results["SecondTest.test_b"].message == "SystemExit: no"
    assert calls_of_module() == [
        "setUpModule",
        "setUpClass",
        "a",
        "tearDownClass",
        "b",
        "tearDownModule",
        "module cleanup",
    ]


def test_set_up_class_that_exits(run, module):
    """A setUpClass that exits is its test's own, and the next class runs."""
    results = run(module(set_up_class="sys.exit(1)"))

    assert endings(results) == {"test_a": RAISED, "test_b": PASSED}
    assert calls_of_module() == ["setUpModule", "setUpClass", "b", "tearDownModule", "module cleanup"]


def test_constructor_that_raises_amid_fixtures(module):
    """Fixtures go when their last test has ended, also where that could not even be made."""
    app = module(constructor="def __init__(self, *args): raise RuntimeError")
    found, plan = plan_of(app, k=("FirstTest",))

    with plain_session(found.classes) as execute_step:
        result = execute_step(plan.steps[0])

        assert (result.outcome, result.cause) == RAISED
        assert calls_of_module() == ["setUpModule", "setUpClass", "tearDownClass", "tearDownModule", "module cleanup"]


def test_fixture_that_fails_after_the_last_test(module, caplog):
    """What fails in a fixture when nobody is left to be charged is logged."""
    found, plan = plan_of(module(tear_down_module="raise RuntimeError('too late')"))

    with caplog.at_level(logging.WARNING, "smoketest"), own_session(found.classes) as execute_step:
        execute_step(plan.steps[0])

    assert "a class or module fixture failed after its last test was recorded" in caplog.text
    assert "RuntimeError: too late" in caplog.text


def test_output_of_fixtures_is_kept(run, module):
    """What fixtures print is kept with the test that they are called for."""
    results = run(module(set_up_class="print('making data')"))

    assert results["FirstTest.test_a"].stdout == "making data\n"
    assert results["SecondTest.test_b"].stdout == ""


# The guard


def execute_with(guard, test_id, **values):
    found, _ = plan_of(make_app(test_id.split(".")[2]))
    step = make_step(test_id, **values)
    return execute(step, found.classes[test_id], fixtures=Fixtures(guard), guard=guard, clock=in_seconds(20))


PASSING = "tests.project.outcomes.smoke.EndingsTest.test_passes"
FAILING = "tests.project.outcomes.smoke.EndingsTest.test_fails"


def test_guard_is_around_the_test():
    """A test runs inside one level of the guard, for the databases of its class."""
    guard = NoGuard()

    execute_with(guard, "tests.project.writers.smoke.NarrowTest.test_its_own")

    assert guard.levels == [{"default"}]


def test_violation_that_was_swallowed():
    """What the guard has seen makes a passing test errored, with its words."""
    result = execute_with(NoGuard("COMMIT"), PASSING)

    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.GUARD)
    assert result.message == "COMMIT"


def test_violation_that_became_a_failure():
    """A test that turns the guard's refusal into a failed assertion is errored too."""
    result = execute_with(NoGuard("'left' != 'right'"), FAILING)

    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.GUARD)
    assert result.message.count("'left' != 'right'") == 1


def test_violations_are_charged_once():
    """A violation is not charged to the next test."""
    guard = NoGuard("COMMIT")
    execute_with(guard, PASSING)

    result = execute_with(guard, PASSING)

    assert (result.outcome, result.cause) == PASSED


def test_commits_is_named():
    """A test marked `@commits` runs outside the guard, and its result says so."""
    guard = NoGuard()

    result = execute_with(guard, PASSING, is_rolled_back=False)

    assert guard.levels == []
    assert result.warnings == (COMMITS_WARNING,)


def test_guard_that_fails():
    """A guard that can't begin makes the test errored."""

    class BrokenGuard(NoGuard):
        @contextmanager
        def level(self, databases, clock):  # noqa: ARG002
            raise OSError(databases)
            yield

    result = execute_with(BrokenGuard(), PASSING)

    assert (result.outcome, result.cause) == RAISED
    assert result.message == "OSError: __all__"


def test_traceback_of_a_violation():
    """The traceback of what the guard refuses ends in the test and the libraries that it calls, not in the guard."""
    found, plan = plan_of(make_app("writers"), k=("test_commit_by_sql",))

    with own_session(found.classes) as execute_step:
        result = execute_step(plan.steps[0])

    assert result.cause is Cause.GUARD
    assert "tests/project/writers/smoke.py" in result.traceback
    assert "smoketest/execution" not in result.traceback


def test_clock_is_there_only_inside():
    """What tells a test that it is under our guard is taken back afterwards."""
    execute_with(NoGuard(), PASSING)

    assert current_clock.get() is None
