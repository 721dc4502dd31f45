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
    told.stack = traceback.StackSummary.from_list([frame for frame in told.stack if not _is_harness(frame)])
    try:
        return cut("".join(told.format()))
    except Exception as unprintable:  # noqa: BLE001 (a project's own __str__ may raise anything)
        return f"<the traceback can't be had: {type(unprintable).__qualname__}>"


def cut(text: str) -> str:
    """Return `text`, cut in the middle with a note where it is too long to be kept, and fit for UTF-8."""
    text = _encodable(text)
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return join_cut(text[:half], text[-half:], left_out=len(text) - 2 * half)


def join_cut(head: str, tail: str, *, left_out: int) -> str:
    """Return the two ends of a text, with a note of how many characters stood between them."""
    return _encodable(f"{head}\n[... {left_out} characters left out ...]\n{tail}" if left_out > 0 else head + tail)


def _encodable(text: str) -> str:
    """Return `text` with what no encoding takes (a file's name may hold it) spelt out."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _skip_own_frames(trace: TracebackType | None) -> TracebackType | None:
    first = trace
    while first is not None and _is_own(first):
        first = first.tb_next
    return first


def _is_harness(frame: traceback.FrameSummary) -> bool:
    """Tell whether a frame is unittest's or ours: those stand below the test's own too, where it asserts or hangs."""
    return any(part in frame.filename.replace("\\", "/") for part in ("/unittest/", "/smoketest/execution/"))


def _is_own(trace: TracebackType) -> bool:
    name = str(trace.tb_frame.f_globals.get("__name__", ""))
    return name in _OWN_NAMES or name.startswith(_OWN_MODULES)
