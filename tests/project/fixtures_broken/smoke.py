"""Class fixtures that go wrong."""

import threading
import unittest

from smoketest import SmokeTest


class SetUpClassTest(SmokeTest):
    calls = []

    @classmethod
    def setUpClass(cls):
        cls.calls.append("setUpClass")
        cls.addClassCleanup(cls.calls.append, "cleanup")
        raise RuntimeError("no service")

    @classmethod
    def tearDownClass(cls):
        cls.calls.append("tearDownClass")

    def test_a(self):
        self.calls.append("a")

    def test_b(self):
        self.calls.append("b")


class SkippingTest(SmokeTest):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("no printer here")

    def test_a(self):
        raise AssertionError


class TearDownClassTest(SmokeTest):
    @classmethod
    def tearDownClass(cls):
        raise RuntimeError("would not go")

    def test_a(self):
        pass

    def test_b(self):
        pass


class CleanupTest(SmokeTest):
    def test_class_cleanup_fails(self):
        self.addClassCleanup(self.fail, "left over")

    def test_class_cleanup_of_a_thread_fails(self):
        thread = threading.Thread(target=self.addClassCleanup, args=(self.fail, "left over"))
        thread.start()
        thread.join()
