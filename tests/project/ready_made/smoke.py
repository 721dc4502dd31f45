"""Ready-made tests, as a project takes them."""

from smoketest.contrib.celery import WorkersTest
from smoketest.contrib.clock import RedisClockTest
from smoketest.contrib.databases import DatabasesTest


class Databases(DatabasesTest):
    pass


class Workers(WorkersTest):
    pass


class Clock(RedisClockTest):
    pass
