"""Each way in which a test can end."""

import functools
import logging
import sys
import unittest
import warnings

from django.conf import settings
from django.utils import translation

from smoketest import SmokeTest


class EndingsTest(SmokeTest):
    def test_passes(self):
        pass

    def test_fails(self):
        self.assertEqual("left", "right")

    def test_raises(self):
        raise ValueError("what went wrong")

    def test_exits(self):
        sys.exit(7)

    def test_is_interrupted(self):
        raise KeyboardInterrupt

    def test_generator_exit(self):
        raise GeneratorExit

    def test_runs_out_of_memory(self):
        raise MemoryError

    def test_skips(self):
        self.skipTest("not today")

    @unittest.skip("never")
    def test_is_skipped(self):
        raise AssertionError

    @unittest.expectedFailure
    def test_fails_as_expected(self):
        self.fail("known")

    @unittest.expectedFailure
    def test_passes_unexpectedly(self):
        pass

    def test_subtests(self):
        for number in range(4):
            with self.subTest(number=number):
                self.assertNotIn(number, (1, 3))

    async def test_async_passes(self):
        self.assertTrue(True)

    async def test_async_fails(self):
        self.fail("async")

    def test_prints(self):
        print("to stdout")
        print("to stderr", file=sys.stderr)
        logging.getLogger("project").warning("to %s", "the log")
        logging.getLogger("project").info("too quiet")

    def test_message_cannot_be_had(self):
        class Silent(Exception):
            def __str__(self):
                raise RuntimeError

        raise Silent

    def test_a_language_is_left_behind(self):
        translation.activate("fr")

    def test_b_language_is_the_settings_own(self):
        self.assertEqual(translation.get_language(), settings.LANGUAGE_CODE)

    def test_warns(self):
        warnings.warn("old", DeprecationWarning, stacklevel=1)


class TeardownTest(SmokeTest):
    calls = []

    def setUp(self):
        self.calls.append("setUp")
        self.addCleanup(self.calls.append, "cleanup")

    def tearDown(self):
        self.calls.append("tearDown")

    def test_fails(self):
        self.fail("first")

    def test_is_interrupted(self):
        raise KeyboardInterrupt

    def test_exits(self):
        sys.exit("bye")


class ConstructorTest(SmokeTest):
    def __init__(self, *args):
        super().__init__(*args)
        raise RuntimeError("can't be made")

    def test_never_begins(self):
        pass


class FailsAndErrorsTest(SmokeTest):
    def tearDown(self):
        raise RuntimeError("in tearDown")

    def test_fails_first(self):
        self.fail("in the test")


def wrapped(method):
    @functools.wraps(method)
    def call(self):
        return method(self)

    return call


class NeverRunsTest(SmokeTest):
    """What looks like a test that passed, and would not have run."""

    @wrapped
    async def test_wrapped_coroutine(self):
        self.fail("it did run")

    def test_yields(self):
        self.fail("it did run")
        yield

    async def test_yields_async(self):
        self.fail("it did run")
        yield


class OddTest(SmokeTest):
    def test_a_subtest_is_skipped(self):
        for number in range(2):
            with self.subTest(number=number):
                if number:
                    self.skipTest("not that one")

    def test_all_subtests_are_skipped(self):
        with self.subTest():
            self.skipTest("not that one")

    def test_odd_characters(self):
        self.fail("file \udcff")

    def test_closes_stdout(self):
        sys.stdout.close()
        print("still there")
