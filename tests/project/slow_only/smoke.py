from smoketest import SmokeTest, slow


@slow
class SlowTest(SmokeTest):
    def test_slow(self):
        pass
