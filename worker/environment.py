"""Turns environment variables into settings; one that is unset or empty counts as absent."""

import os
from collections.abc import Callable, Mapping

from django.core.exceptions import ImproperlyConfigured

_WORDS = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}


def given(readers: Mapping[str, Callable[[str, str], object]]) -> dict[str, object]:
    """Return the settings among `readers` that the environment gives, each as its reader reads it."""
    return {name: read(name, os.environ[name]) for name, read in readers.items() if os.environ.get(name)}


def text(_name: str, value: str) -> str:
    """Read a text."""
    return value


def names(_name: str, value: str) -> list[str]:
    """Read a list of names with commas between them."""
    return [name.strip() for name in value.split(",") if name.strip()]


def number(name: str, value: str) -> int:
    """Read a whole number."""
    try:
        return int(value)
    except ValueError:
        raise _refused(name, value, "a whole number") from None


def seconds(name: str, value: str) -> float:
    """Read a number of seconds."""
    try:
        return int(value) if value.isdecimal() else float(value)
    except ValueError:
        raise _refused(name, value, "a number of seconds") from None


def flag(name: str, value: str) -> bool:
    """Read a yes or no."""
    try:
        return _WORDS[value.lower()]
    except KeyError:
        raise _refused(name, value, "1 or 0") from None


def _refused(name: str, value: str, wanted: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name} is {value!r} in the environment; {wanted} is wanted")
