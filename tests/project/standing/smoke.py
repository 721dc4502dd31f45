import threading

from smoketest import SmokeTest, timeout

event = threading.Event()
hanging = []
fixtures = []


class StandingTest(SmokeTest):
    @classmethod
    def setUpClass(cls):
        fixtures.append("up")

    @classmethod
    def tearDownClass(cls):
        fixtures.append("down")

    def test_a_passes(self):
        pass

    @timeout(0.3)
    def test_b_hangs(self):
        hanging.append(self)
        event.wait()
        hanging.clear()
