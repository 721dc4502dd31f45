"""Tests that fork a child which comes back out of them, as nobody means to."""

import os
import secrets

from django.db import connections

from smoketest import SmokeTest
from tests.project.shop.models import FooModel


def write():
    for alias in connections:
        FooModel.objects.using(alias).create(name=secrets.token_hex(8))


def fork():
    """Return as the child and, when that has ended, as its parent; tell whether as the parent."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return bool(child)


def write_around_a_fork():
    write()
    if fork():
        write()


class ForkingTest(SmokeTest):
    timeout = 30  # each child takes its time, where coverage is measured most of all


class MethodTest(ForkingTest):
    def test_returns(self):
        write_around_a_fork()

    def test_raises(self):
        write()
        self.assertTrue(fork())
        write()

    def test_exits(self):
        write()
        if not fork():
            raise SystemExit
        write()

    def test_reads(self):
        FooModel.objects.count()
        fork()
        FooModel.objects.count()

    def test_child_fails(self):
        child = os.fork()
        if not child:
            self.fail("what the child finds")
        self.assertNotEqual(os.waitpid(child, 0)[1], 0)

    def test_in_a_cleanup(self):
        self.addCleanup(write_around_a_fork)

    def test_in_a_cleanup_of_the_class(self):
        self.addClassCleanup(write_around_a_fork)


class AroundTest(ForkingTest):
    def setUp(self):
        write_around_a_fork()

    def tearDown(self):
        write_around_a_fork()

    def test_nothing(self):
        pass


class FixtureTest(ForkingTest):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(write_around_a_fork)
        write_around_a_fork()

    @classmethod
    def tearDownClass(cls):
        write_around_a_fork()

    def test_nothing(self):
        pass
