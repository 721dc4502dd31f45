"""Tests that wait until they are let go, in a class that tells when it is set up and torn down."""

import os
from unittest import SkipTest

from tests.project.gated.smoke import AtGateTest, tell


class GatedClassTest(AtGateTest):
    @classmethod
    def setUpClass(cls):
        if "SMOKETEST_TEST_GATE" not in os.environ:
            raise SkipTest("there is no gate")
        tell("setUpClass")

    @classmethod
    def tearDownClass(cls):
        tell("tearDownClass")

    def test_a(self):
        self.wait()

    def test_b(self):
        self.wait()
