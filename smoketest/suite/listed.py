"""Loads the test classes that a setting lists."""

import importlib
import inspect
import unittest
from functools import cache

from smoketest.cases import SmokeTest
from smoketest.errors import ListedClassError
from smoketest.failures import message_of


@cache
def load(path: str) -> type[SmokeTest]:
    """Return the class at a dotted path, an abstract one too: to list it is to want its tests.

    Raises ListedClassError, naming the path, if there is no class of smoke tests.
    """
    module_name, _, name = path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), name)
    except Exception as error:  # a module may raise anything
        message = f"{path!r} can't be imported: {message_of(error)}"
        raise ListedClassError(message) from error
    if not (inspect.isclass(found) and issubclass(found, SmokeTest)):
        message = f"{path!r} is no class derived from smoketest.SmokeTest"
        raise ListedClassError(message)
    if not unittest.TestLoader().getTestCaseNames(found):
        message = f"{path!r} has no tests as it is; derive a class from it in a smoke module and say what to look at"
        raise ListedClassError(message)
    return found
