"""A test that takes as long as it is told to: until the file named by the environment is there."""

import os
import time
from pathlib import Path

from smoketest import SmokeTest, slow, timeout


@slow
@timeout(60)
class PatientTest(SmokeTest):
    def test_waits(self):
        release = Path(os.environ["SMOKETEST_TEST_DIR"], "release")
        while not release.exists():
            time.sleep(0.01)
