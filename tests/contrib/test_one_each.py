"""smoketest.contrib.one_each."""

import unittest

from smoketest.contrib import mounts
from tests.contrib.running import derive


def names_of(test_class):
    return unittest.TestLoader().getTestCaseNames(test_class)


def test_names():
    """Each entry's test is named by it in letters, digits and underscores; equal names are numbered."""
    own = derive(mounts.MountsTest, paths=["/", "/srv/media", "/srv/media/", "/srv-media"])

    assert set(names_of(own)) == {"test_root", "test_srv_media", "test_srv_media_2", "test_srv_media_3"}


def test_derived_again():
    """A class that is derived with another list has the tests of its own list only."""
    own = derive(derive(mounts.MountsTest, paths=["/a", "/b"]), paths=["/b", "/c"])

    assert names_of(own) == ["test_b", "test_c"]


def test_abstract():
    """An abstract class has none."""
    assert names_of(mounts.MountsTest) == []
    assert names_of(derive(mounts.MountsTest, abstract=True, paths=["/a"])) == []
