"""An async test that blocks, as one does that calls what can't be awaited."""

import os
from pathlib import Path

from smoketest import SmokeTest, timeout


class BlockingTest(SmokeTest):
    @timeout(0.5)
    async def test_reads(self):
        self.assertEqual(Path(os.environ["SMOKETEST_TEST_MOUNT"]).read_text(), "")  # noqa: ASYNC240 (that is the point)
