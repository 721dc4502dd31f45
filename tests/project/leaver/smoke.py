"""Tests that leave something behind, and some that only seem to."""

import asyncio
import contextvars
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from asgiref.sync import async_to_sync
from django.db import connections, transaction

from smoketest import SmokeTest, commits
from tests.project.shop.models import FooModel

RELEASE = threading.Event()
"""Ends the threads that are left running."""


def in_thread(work):
    """Do `work` in a thread of one's own, and close what it has opened there."""
    thread = threading.Thread(target=lambda: (work(), connections.close_all()))
    thread.start()
    thread.join()


class ThreadsTest(SmokeTest):
    def test_joined(self):
        in_thread(lambda: None)

    def test_pool(self):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(str, range(10)))

    def test_running(self):
        threading.Thread(target=RELEASE.wait, name="forgotten", daemon=True).start()

    def test_started_by_a_thread(self):
        in_thread(lambda: threading.Thread(target=RELEASE.wait, name="grandchild", daemon=True).start())

    async def test_async(self):
        await asyncio.sleep(0)

    def test_asyncio_run(self):
        asyncio.run(asyncio.sleep(0))

    def test_async_to_sync(self):
        async_to_sync(asyncio.sleep)(0)


class OddThreadsTest(SmokeTest):
    def test_join_of_its_own(self):
        class Impatient(threading.Thread):
            def join(self):
                raise AssertionError

        Impatient(target=lambda: None).start()

    def test_never_began(self):
        class Unmade(threading.Thread):
            def __init__(self):
                pass

        with suppress(RuntimeError):
            Unmade().start()


class NamedThreadsTest(SmokeTest):
    """Each leaves a thread running whose name is odd."""

    def leave(self, thread_class, name="odd"):
        thread_class(target=RELEASE.wait, name=name, daemon=True).start()

    def test_number(self):
        class Numbered(threading.Thread):
            name = 7

        self.leave(Numbered)

    def test_that_cannot_be_had(self):
        class Nameless(threading.Thread):
            @property
            def name(self):
                raise LookupError

        self.leave(Nameless)

    def test_that_no_encoding_takes(self):
        self.leave(threading.Thread, "odd\udcff")

    def test_without_end(self):
        self.leave(threading.Thread, "odd" * 1_000_000)


class ServerTest(SmokeTest):
    """Its thread lives as long as the class."""

    @classmethod
    def setUpClass(cls):
        cls.stop = threading.Event()
        cls.thread = threading.Thread(target=cls.stop.wait, daemon=True)
        cls.thread.start()

    @classmethod
    def tearDownClass(cls):
        cls.stop.set()
        cls.thread.join()

    def test_a(self):
        self.assertTrue(self.thread.is_alive())

    def test_b(self):
        self.assertTrue(self.thread.is_alive())


class ForgetfulServerTest(SmokeTest):
    @classmethod
    def setUpClass(cls):
        threading.Thread(target=RELEASE.wait, name="server", daemon=True).start()

    def test_a(self):
        pass

    def test_b(self):
        pass


class ConnectionsTest(SmokeTest):
    """Each works in a connection that the guard does not have."""

    def test_read_in_a_thread(self):
        in_thread(FooModel.objects.count)

    def test_read_in_a_threads_transaction(self):
        def read():
            with transaction.atomic():
                FooModel.objects.count()

        in_thread(read)

    def test_write_in_a_thread(self):
        in_thread(lambda: FooModel.objects.create(name="escaped"))

    def test_write_in_a_carried_context(self):
        def write():
            with suppress(BaseException):
                context.run(FooModel.objects.create, name="refused")

        context = contextvars.copy_context()
        in_thread(write)

    def test_write_in_asyncio_run(self):
        asyncio.run(FooModel.objects.acreate(name="refused"))

    def test_write_in_asyncio_run_swallowed(self):
        try:
            asyncio.run(FooModel.objects.acreate(name="refused"))
        except BaseException:
            pass

    def test_write_by_a_connection_of_its_own(self):
        connection = connections.create_connection("default")
        connection.cursor().execute("INSERT INTO shop_foomodel (name) VALUES ('refused')")

    def test_write_after_throwing_the_guard_away(self):
        del connections["default"]
        FooModel.objects.create(name="refused")

    @commits
    def test_write_in_a_thread_on_purpose(self):
        in_thread(FooModel.objects.count)


class TransactionsTest(SmokeTest):
    def test_open(self):
        transaction.atomic().__enter__()

    @commits
    def test_open_and_committing(self):
        transaction.atomic().__enter__()
        FooModel.objects.create(name="locked")

    def test_closed(self):
        with transaction.atomic():
            FooModel.objects.count()


class DirectoryTest(SmokeTest):
    def test_changes(self):
        os.chdir("/")


class MoverTest(SmokeTest):
    @classmethod
    def setUpClass(cls):
        cls.before = Path.cwd()
        os.chdir("/")

    @classmethod
    def tearDownClass(cls):
        os.chdir(cls.before)

    def test_a(self):
        self.assertEqual(Path.cwd(), Path("/"))

    def test_b(self):
        self.assertEqual(Path.cwd(), Path("/"))
