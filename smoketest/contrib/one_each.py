"""Gives a class one test for each thing that it lists, so that each has its own result and its own time limit."""

import re
from collections.abc import Callable, Collection
from typing import Any

from smoketest.cases import SmokeTest

_MADE = "_smoketest_made"


def one_test_each(
    test_class: type[SmokeTest], attribute: str, look: Callable[[Any, Any], object], name_of: Callable[[Any], str] = str
) -> None:
    """Add `test_...` methods that call `look(self, entry)` for each entry of the class' attribute.

    An abstract class gets none. Raises TypeError where nothing is listed: to look at nothing must not be a PASS.
    """
    if vars(test_class).get("abstract"):
        return
    entries: Collection[Any] = getattr(test_class, attribute)
    if not entries or isinstance(entries, str):
        message = f"{test_class.__qualname__}.{attribute} is {entries!r}; a list of what to look at is wanted"
        raise TypeError(message)
    _hide_inherited(test_class)
    for entry in entries:
        _add(test_class, f"test_{_word(name_of(entry))}", lambda self, entry=entry: look(self, entry))


def _hide_inherited(test_class: type[SmokeTest]) -> None:
    """Let the tests of another list, that of a class above, not be run again here."""
    for name in dir(test_class):
        if getattr(getattr(test_class, name, None), _MADE, False):
            setattr(test_class, name, None)


def _add(test_class: type[SmokeTest], name: str, test: Callable[..., object]) -> None:
    names = (name, *(f"{name}_{number}" for number in range(2, 10_000)))
    free = next(each for each in names if not vars(test_class).get(each))
    setattr(test, _MADE, True)
    test.__name__, test.__qualname__ = free, f"{test_class.__qualname__}.{free}"
    setattr(test_class, free, test)


def _word(text: str) -> str:
    """Return a text as the end of a method's name; one without letters and digits is the root of something."""
    return re.sub(r"\W+", "_", text).strip("_") or "root"
