"""Smoke tests of the service itself; also examples of what such tests are good for."""

import os
import tempfile
import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from redis import Redis

from smoketest import SmokeTest, rolled_back, slow, tag, timeout
from smoketest.contrib.celery import WorkersTest
from smoketest.contrib.clock import RedisClockTest
from smoketest.contrib.databases import DatabasesTest
from smoketest.contrib.disk import DiskTest
from smoketest.contrib.memory import MemoryTest

_MEBIBYTE = 1024 * 1024

# The ready-made ones: a line each, and what is this service's own about it.


class Databases(DatabasesTest):
    pass


class Disk(DiskTest):
    paths = (settings.DATABASE_PATH.parent,)


class Memory(MemoryTest):
    pass


@tag("redis")
class Workers(WorkersTest):
    pass


@tag("redis")
class Clock(RedisClockTest):
    pass


# Those that only this service can know.


class DataTest(SmokeTest):
    def test_reads(self) -> None:
        self.assertGreater(ContentType.objects.count(), 0)

    @rolled_back
    def test_writes(self) -> None:
        group = Group.objects.create(name=f"smoke test {uuid.uuid4()}")

        self.assertTrue(Group.objects.filter(pk=group.pk).exists())

    @slow
    @timeout(30)
    def test_keeps_what_is_written(self) -> None:
        written = os.urandom(8 * _MEBIBYTE)

        with tempfile.TemporaryFile(dir=settings.DATABASE_PATH.parent) as file:
            file.write(written)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            self.assertTrue(file.read() == written, "the file holds something else than what was written to it")


@slow  # so that the fast tests pass without Redis
@tag("redis")
class RedisTest(SmokeTest):
    def test_answers(self) -> None:
        with Redis.from_url(settings.CELERY_BROKER_URL, socket_connect_timeout=2, socket_timeout=2) as redis:
            self.assertTrue(redis.ping())
