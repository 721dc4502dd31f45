"""Async tests that block, as those do that call what can't be awaited."""

import asyncio
import os
from pathlib import Path

from asgiref.sync import sync_to_async

from smoketest import SmokeTest, timeout


def read():
    return Path(os.environ["SMOKETEST_TEST_MOUNT"]).read_text()


class BlockingTest(SmokeTest):
    @timeout(0.5)
    async def test_reads(self):
        self.assertEqual(read(), "")

    @timeout(0.5)
    def test_reads_by_asyncio_run(self):
        self.assertEqual(asyncio.run(sync_to_async(read)()), "")
