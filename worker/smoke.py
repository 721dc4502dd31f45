"""Smoke tests of the service itself; also examples of what such tests are good for."""

import os
import shutil
import tempfile
import uuid

from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db import connection as database
from django.db.migrations.executor import MigrationExecutor
from redis import Redis

from smoketest import SmokeTest, rolled_back, slow, tag, timeout
from worker.celery import app

_MEBIBYTE = 1024 * 1024
_LEAST_FREE_BYTES = 100 * _MEBIBYTE


class DatabaseTest(SmokeTest):
    def test_reads(self) -> None:
        self.assertGreater(ContentType.objects.count(), 0)

    @rolled_back
    def test_writes(self) -> None:
        group = Group.objects.create(name=f"smoke test {uuid.uuid4()}")

        self.assertTrue(Group.objects.filter(pk=group.pk).exists())

    def test_every_migration_is_applied(self) -> None:
        executor = MigrationExecutor(database)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())

        self.assertEqual([str(migration) for migration, _ in plan], [])


class DiskTest(SmokeTest):
    def test_has_room(self) -> None:
        self.assertGreater(shutil.disk_usage(settings.DATABASE_PATH.parent).free, _LEAST_FREE_BYTES)

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

    @timeout(15)
    def test_broker_gives_back_a_message(self) -> None:
        limits = {"socket_connect_timeout": 2, "socket_timeout": 5, "max_retries": 0}
        name = f"smoke-test-{uuid.uuid4()}"

        # It expires by itself, should the test end before it deletes the queue.
        with (
            app.connection_for_write(transport_options=limits) as connection,
            connection.SimpleQueue(name, queue_opts={"durable": False, "expires": 60}) as queue,
        ):
            queue.put(name)
            message = queue.get(timeout=5)
            message.ack()
            queue.queue.delete()

        self.assertEqual(message.payload, name)
