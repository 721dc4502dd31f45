"""Tests that do well, or badly as soon as a file in the folder of SMOKETEST_TEST_SWITCHES says so."""

import os
from pathlib import Path

from django.db import connections

from smoketest import SmokeTest
from tests.project.shop.models import FooModel


def is_on(switch):
    return (Path(os.environ["SMOKETEST_TEST_SWITCHES"]) / switch).exists()


class OrdersTest(SmokeTest):
    def test_total(self):
        self.assertFalse(is_on("fails"), "the total is wrong")

    def test_nothing(self):
        pass


class PostgreSQLTest(SmokeTest):
    databases = {"postgresql"}

    def test_query(self):
        with connections["postgresql"].cursor() as cursor:
            cursor.execute("SELECT pg_sleep(600)" if is_on("slow") else "SELECT 1")

    def test_write(self):
        FooModel.objects.using("postgresql").create(name="written")


class MariaDBTest(SmokeTest):
    databases = {"mariadb"}

    def test_query(self):
        with connections["mariadb"].cursor() as cursor:
            cursor.execute("SELECT SLEEP(600)" if is_on("slow") else "SELECT 1")

    def test_write(self):
        FooModel.objects.using("mariadb").create(name="written")
