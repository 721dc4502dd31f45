from smoketest import SmokeTest


class TopTest(SmokeTest):
    def test_top(self):
        pass


class Base(SmokeTest):
    """Abstract: it has no tests."""


class AbstractTest(SmokeTest):
    abstract = True

    def test_inherited(self):
        pass
