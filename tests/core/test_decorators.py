"""The marks on methods and classes."""

import math

import django.test
import pytest

import smoketest
from smoketest import SmokeTest, decorators


@pytest.mark.parametrize("name", ["slow", "rolled_back", "commits", "timeout", "tag"])
def test_marks_have_two_import_paths(name):
    """A mark is the same whether it comes from `smoketest` or from `smoketest.decorators`."""
    assert getattr(smoketest, name) is getattr(decorators, name)


@pytest.mark.parametrize(
    ("mark", "attribute", "value"),
    [
        (decorators.slow, "slow", True),
        (decorators.rolled_back, "rolled_back", True),
        (decorators.commits, "rolled_back", False),
        (decorators.timeout(2), "timeout", 2.0),
        (decorators.timeout(0.25), "timeout", 0.25),
        (decorators.tag("mail", "night"), "tags", {"mail", "night"}),
    ],
)
class TestMarks:
    def test_mark_on_method(self, mark, attribute, value):
        """A mark on a method is an attribute of that very function."""

        def test_method(self):
            pass

        marked = mark(test_method)

        assert marked is test_method
        assert getattr(marked, attribute) == value

    def test_mark_on_class(self, mark, attribute, value):
        """A mark on a class is an attribute of that very class."""

        class MarkedTest(SmokeTest):
            pass

        marked = mark(MarkedTest)

        assert marked is MarkedTest
        assert getattr(marked, attribute) == value

    def test_mark_is_inherited(self, mark, attribute, value):
        """A class has the marks of its base."""

        @mark
        class BaseTest(SmokeTest):
            pass

        class DerivedTest(BaseTest):
            pass

        assert getattr(DerivedTest, attribute) == value


def test_mark_does_not_reach_the_base():
    """A mark on a class is not on the class that it derives from."""

    @decorators.tag("mail")
    class BaseTest(SmokeTest):
        pass

    @decorators.tag("night")
    @decorators.slow
    class DerivedTest(BaseTest):
        pass

    assert DerivedTest.tags == {"mail", "night"}
    assert BaseTest.tags == {"mail"}
    assert BaseTest.slow is False


def test_slow_in_the_body():
    """`slow = True` in the body of a class does the same as `@slow` on it."""

    class InBodyTest(SmokeTest):
        slow = True

    @decorators.slow
    class MarkedTest(SmokeTest):
        pass

    assert InBodyTest.slow is MarkedTest.slow is True


@pytest.mark.parametrize("value", ["5", "5s", None, True, False, [5], 5j])
def test_timeout_of_a_wrong_type(value):
    """A time limit that is no number is refused by its value."""
    with pytest.raises(TypeError) as caught:
        decorators.timeout(value)

    assert str(caught.value).startswith(f"timeout is {value!r}; a number of seconds is wanted")


@pytest.mark.parametrize("value", [0, 0.0, -1, -0.5, math.nan, math.inf, -math.inf])
def test_timeout_that_is_no_limit(value):
    """A time limit that is not finite and above 0 is refused by its value."""
    with pytest.raises(ValueError, match="a finite number of seconds above 0 is wanted") as caught:
        decorators.timeout(value)

    assert str(caught.value).startswith(f"timeout is {value!r};")


def test_timeout_beyond_a_float():
    """A whole number that no float can hold is refused like infinity."""
    with pytest.raises(ValueError, match="a finite number of seconds above 0 is wanted"):
        decorators.timeout(10**400)


def test_tags_merge():
    """Several tags on one test add up."""

    @decorators.tag("mail")
    @decorators.tag("night", "eu")
    def test_method():
        pass

    assert test_method.tags == {"mail", "night", "eu"}


def test_tags_are_those_of_django():
    """`smoketest.tag` and `django.test.tag` leave the same attribute, and each adds to the other's."""

    @decorators.tag("mail")
    @django.test.tag("night")
    def ours_outside():
        pass

    @django.test.tag("mail")
    @decorators.tag("night")
    def theirs_outside():
        pass

    assert ours_outside.tags == theirs_outside.tags == {"mail", "night"}
    assert type(ours_outside.tags) is type(theirs_outside.tags) is set


def test_no_marks():
    """A class without marks is fast, rolled back and has the setting's limit."""
    assert SmokeTest.slow is False
    assert SmokeTest.rolled_back is True
    assert SmokeTest.timeout is None
