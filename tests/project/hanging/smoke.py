import asyncio
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


class AwaitingTest(SmokeTest):
    @timeout(0.3)
    async def test_awaits(self):
        await asyncio.sleep(600)

    async def test_times_out_by_itself(self):
        async with asyncio.timeout(0.01):
            await asyncio.sleep(600)
