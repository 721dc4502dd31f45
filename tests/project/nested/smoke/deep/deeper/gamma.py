from smoketest import SmokeTest, slow


class GammaTest(SmokeTest):
    def test_gamma(self):
        pass

    @slow
    def test_slow_gamma(self):
        pass
