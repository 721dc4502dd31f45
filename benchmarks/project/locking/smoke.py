import threading
import time

from django.db import connections

from smoketest import SmokeTest, timeout

LIMIT_SECONDS = 0.5
LOCK = "UPDATE bench_rows SET value = value + 1 WHERE id = 1"

locked = threading.Event()
ended = threading.Event()
began: list[float] = []


class LockingTest(SmokeTest):
    """Each locks a row and then hangs until it is told to end."""

    def lock(self, alias: str) -> None:
        began.append(time.monotonic())
        with connections[alias].cursor() as cursor:
            cursor.execute(LOCK)
        locked.set()
        ended.wait()

    @timeout(LIMIT_SECONDS)
    def test_default(self) -> None:
        self.lock("default")

    @timeout(LIMIT_SECONDS)
    def test_postgresql(self) -> None:
        self.lock("postgresql")

    @timeout(LIMIT_SECONDS)
    def test_mariadb(self) -> None:
        self.lock("mariadb")
