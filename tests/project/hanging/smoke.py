import threading

from smoketest import SmokeTest, timeout

event = threading.Event()
hanging = []


class HangingTest(SmokeTest):
    def test_a_passes(self):
        pass

    @timeout(0.3)
    def test_b_hangs(self):
        hanging.append(self)
        event.wait()
        hanging.clear()

    def test_c_passes(self):
        pass
