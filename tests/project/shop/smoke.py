"""The example of the README, word for word, and a few that pass."""

from smoketest import SmokeTest, tag
from smoketest.decorators import rolled_back, slow
from tests.project.shop.models import FooModel

foo, bar = 1, 1


class DemoTest(SmokeTest):
    def test_foomodel_reads(self):
        cnt = FooModel.objects.all().count()
        self.assertTrue(cnt > 0)

    @rolled_back
    def test_foomodel_writes(self):
        FooModel.objects.create()

    @slow
    def test_something_slow(self):
        self.assertEqual(foo, bar)


@tag("money")
class TillTest(SmokeTest):
    def test_adds_up(self):
        self.assertEqual(1 + 1, 2)

    @tag("paper")
    def test_prints(self):
        self.assertIn("a", "paper")
