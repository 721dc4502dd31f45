from smoketest import SmokeTest
from tests.project.gate import gate

gate.wait()


class GateTest(SmokeTest):
    def test_passes(self):
        pass
