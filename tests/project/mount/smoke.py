import os
from pathlib import Path

from smoketest import SmokeTest, timeout


class MountTest(SmokeTest):
    @timeout(0.5)
    def test_reads(self):
        """Hang like a read of a dead mount does: in the kernel, until somebody opens the other end."""
        self.assertEqual(Path(os.environ["SMOKETEST_TEST_MOUNT"]).read_text(), "")

    def test_healthy(self):
        pass
