"""Tests of which a worker takes several at once, since they are quick, and one among them that waits."""

from smoketest import SmokeTest
from tests.project.gated.smoke import AtGateTest


class QuickTest(SmokeTest):
    abstract = True

    def test_0(self):
        pass

    def test_1(self):
        pass

    def test_2(self):
        pass

    def test_3(self):
        pass

    def test_4(self):
        pass


class AQuickTest(QuickTest):
    def test_5(self):
        pass

    def test_6(self):
        pass

    def test_7(self):
        pass

    def test_8(self):
        pass


class BWaitingTest(AtGateTest):
    def test_waits(self):
        self.wait()


class CQuickTest(QuickTest):
    pass
