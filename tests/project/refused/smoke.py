import unittest

from django.test import SimpleTestCase

from smoketest import SmokeTest


class ForgottenTest(unittest.TestCase):
    def test_would_never_run(self):
        pass


class DjangoTest(SimpleTestCase):
    def test_changes_the_process(self):
        pass


class BothTest(SmokeTest, SimpleTestCase):
    def test_changes_the_process(self):
        pass


class LoopTest(SmokeTest, unittest.IsolatedAsyncioTestCase):
    async def test_escapes(self):
        pass


class HalfAsyncTest(SmokeTest):
    async def asyncSetUp(self):
        pass

    def test_is_not_set_up(self):
        pass


class LimitTest(SmokeTest):
    timeout = "5s"

    def test_has_a_bad_limit(self):
        pass


class GoodTest(SmokeTest):
    def test_runs(self):
        pass
