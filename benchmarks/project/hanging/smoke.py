import os
import time

from smoketest import SmokeTest, timeout


class HangingTest(SmokeTest):
    @timeout(1)
    def test_hangs(self) -> None:
        time.sleep(float(os.environ.get("BENCH_HANG_SECONDS", "30")))

    def test_is_well(self) -> None:
        pass
