import unittest

from smoketest import SmokeTest


@unittest.skip("not here")
class SkippedTest(SmokeTest):
    def test_a(self):
        raise AssertionError

    def test_b(self):
        raise AssertionError
