"""Tests that write to every database, and that try to make it stay."""

import threading

from django.db import IntegrityError, connections, transaction

from smoketest import SmokeTest, commits
from tests.project.shop.models import FooModel


def names(alias):
    return set(FooModel.objects.using(alias).values_list("name", flat=True))


class WritesTest(SmokeTest):
    def test_a_writes_everywhere(self):
        for alias in connections:
            FooModel.objects.using(alias).create(name="a")

    def test_b_finds_nothing_of_it(self):
        for alias in connections:
            self.assertNotIn("a", names(alias))

    def test_broken_transaction(self):
        FooModel.objects.create(name="twice")
        FooModel.objects.create(name="twice")

    def test_broken_transaction_in_atomic(self):
        FooModel.objects.create(name="twice")
        with self.assertRaises(IntegrityError), transaction.atomic():
            FooModel.objects.create(name="twice")
        self.assertIn("twice", names("default"))

    def test_durable(self):
        with transaction.atomic(durable=True):
            FooModel.objects.create(name="durable")

    def test_on_commit_never_runs(self):
        transaction.on_commit(lambda: self.fail("it ran"))

    def test_leaves_an_atomic_open(self):
        transaction.atomic().__enter__()
        FooModel.objects.create(name="open")

    async def test_async_orm(self):
        await FooModel.objects.acreate(name="async")

    def test_close(self):
        FooModel.objects.create(name="close")
        connections["default"].close()
        self.assertIn("close", names("default"))

    def test_class_cleanup(self):
        for alias in connections:
            self.addClassCleanup(FooModel.objects.using(alias).create, name="class cleanup")

    def test_class_cleanup_of_a_thread(self):
        thread = threading.Thread(target=self.test_class_cleanup)
        thread.start()
        thread.join()


class OnCommitTest(SmokeTest):
    """`captureOnCommitCallbacks` gives what production would run after its commit."""

    def setUp(self):
        self.ran = []

    def on_each(self, work):
        for alias in connections:
            with self.subTest(alias=alias):
                self.ran.clear()
                work(alias)

    def later(self, alias, what, **options):
        transaction.on_commit(lambda: self.ran.append(what), using=alias, **options)

    def test_captured(self):
        def work(alias):
            with self.captureOnCommitCallbacks(using=alias) as callbacks:
                self.later(alias, "a")
                self.assertEqual(callbacks, [])
            self.assertEqual(self.ran, [])
            callbacks[0]()
            self.assertEqual(self.ran, ["a"])

        self.on_each(work)

    def test_executed(self):
        def work(alias):
            with self.captureOnCommitCallbacks(using=alias, execute=True) as callbacks:
                self.later(alias, "a")
                transaction.on_commit(lambda: self.later(alias, "of a callback"), using=alias)
            self.assertEqual(self.ran, ["a", "of a callback"])
            self.assertEqual(len(callbacks), 3)

        self.on_each(work)

    def test_nested_and_durable(self):
        def work(alias):
            with self.captureOnCommitCallbacks(using=alias, execute=True):
                with transaction.atomic(using=alias, durable=True):
                    self.later(alias, "durable")
                    with transaction.atomic(using=alias):
                        self.later(alias, "nested")
                self.assertEqual(self.ran, [])
            self.assertEqual(self.ran, ["durable", "nested"])

        self.on_each(work)

    def test_rolled_back(self):
        def work(alias):
            with self.captureOnCommitCallbacks(using=alias, execute=True):
                self.later(alias, "kept")
                with self.assertRaises(ZeroDivisionError), transaction.atomic(using=alias):
                    self.later(alias, "rolled back")
                    raise ZeroDivisionError
            self.assertEqual(self.ran, ["kept"])

        self.on_each(work)

    def test_robust(self):
        def work(alias):
            with self.captureOnCommitCallbacks(using=alias, execute=True):
                transaction.on_commit(lambda: 1 / 0, using=alias, robust=True)
                self.later(alias, "next")
            self.assertEqual(self.ran, ["next"])

        self.on_each(work)

    def test_not_robust(self):
        def work(alias):
            with self.assertRaises(ZeroDivisionError), self.captureOnCommitCallbacks(using=alias, execute=True):
                transaction.on_commit(lambda: 1 / 0, using=alias)

        self.on_each(work)

    def test_only_of_its_block_and_database(self):
        self.later("default", "before")
        with self.captureOnCommitCallbacks() as callbacks:
            self.later("other", "elsewhere")
            self.later("default", "inside")
        self.later("default", "after")
        self.assertEqual(len(callbacks), 1)


class EscapesTest(SmokeTest):
    """Each writes a row named after itself and tries to commit it, in the database of `alias`."""

    def try_all(self, escape):
        for alias in connections:
            with self.subTest(alias=alias):
                FooModel.objects.using(alias).create(name="escaped")
                escape(connections[alias])

    def test_commit_by_api(self):
        self.try_all(lambda connection: connection.commit())

    def test_commit_by_sql(self):
        self.try_all(lambda connection: connection.cursor().execute("COMMIT"))

    def test_commit_by_sql_with_a_comment(self):
        self.try_all(lambda connection: connection.cursor().execute("/* now */ commit"))

    def test_autocommit(self):
        self.try_all(lambda connection: connection.set_autocommit(True))

    def test_commit_swallowed(self):
        for alias in connections:
            FooModel.objects.using(alias).create(name="escaped")
            try:
                connections[alias].cursor().execute("COMMIT")
            except BaseException:
                pass

    def test_ddl(self):
        self.try_all(lambda connection: connection.cursor().execute("CREATE TABLE escaped (id integer)"))


class NarrowTest(SmokeTest):
    databases = {"default"}

    def test_its_own(self):
        FooModel.objects.create(name="narrow")

    def test_another(self):
        FooModel.objects.using("other").create(name="narrow")


class CommitsTest(SmokeTest):
    @commits
    def test_stays(self):
        FooModel.objects.get_or_create(name="meant to stay")

    def test_does_not_stay(self):
        FooModel.objects.create(name="not meant to stay")


class ClassDataTest(SmokeTest):
    @classmethod
    def setUpClass(cls):
        FooModel.objects.create(name="class data")

    def test_a_sees_and_deletes_it(self):
        self.assertIn("class data", names("default"))
        FooModel.objects.all().delete()
        FooModel.objects.using("other").create(name="test data")

    def test_b_sees_it_again(self):
        self.assertIn("class data", names("default"))
        self.assertNotIn("test data", names("other"))
