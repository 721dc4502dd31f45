import time

from smoketest import SmokeTest


class TogetherTest(SmokeTest):
    @classmethod
    def setUpClass(cls):
        cls.box = []
        cls.addClassCleanup(cls.box.append, "closed")

    def test_a(self):
        time.sleep(0.05)
        self.assertEqual(self.box, [])

    def test_b(self):
        time.sleep(0.05)
        self.assertEqual(self.box, [])
