"""Turns an exception into text that may be kept: bounded, and without the harness's own frames."""

import traceback
from types import TracebackType

MOST_CHARACTERS = 16 * 1024
"""What is kept of one text."""

_OWN_MODULES = (
    "unittest.",
    "smoketest.execution.",
    "smoketest.cases",
    "smoketest.suite.",
    "asgiref.",
    "importlib.",
    "concurrent.",
)
_OWN_NAMES = {"unittest", "importlib"}


def message_of(error: BaseException) -> str:
    """Return the exception's own words, or its class where it has none."""
    name = type(error).__qualname__
    try:
        words = str(error)
    except Exception as unprintable:  # noqa: BLE001 (a project's own __str__ may raise anything)
        words = f"<its text can't be had: {type(unprintable).__qualname__}>"
    if isinstance(error, AssertionError):
        return cut(words or name)
    return cut(f"{name}: {words}" if words else name)


def traceback_of(error: BaseException) -> str:
    """Return the exception's traceback, from the test's own frame on."""
    told = traceback.TracebackException(type(error), error, _skip_own_frames(error.__traceback__), compact=True)
    if isinstance(error, AssertionError):
        told.stack = traceback.StackSummary.from_list(
            [frame for frame in told.stack if "/unittest/" not in frame.filename.replace("\\", "/")]
        )
    try:
        return cut("".join(told.format()))
    except Exception as unprintable:  # noqa: BLE001 (a project's own __str__ may raise anything)
        return f"<the traceback can't be had: {type(unprintable).__qualname__}>"


def cut(text: str) -> str:
    """Return `text`, cut in the middle with a note where it is too long to be kept."""
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"


def _skip_own_frames(trace: TracebackType | None) -> TracebackType | None:
    first = trace
    while first is not None and _is_own(first):
        first = first.tb_next
    return first or trace


def _is_own(trace: TracebackType) -> bool:
    name = str(trace.tb_frame.f_globals.get("__name__", ""))
    return name in _OWN_NAMES or name.startswith(_OWN_MODULES)
