"""Smoke tests by the number."""

import os
from collections.abc import Callable
from typing import Any

from smoketest import SmokeTest


def make_tests(module: str, name: str, body: Callable[[Any], None], count: int | None = None) -> type[SmokeTest]:
    """Make a class of tests that all do the same, as many as are asked for or as the environment says."""
    count = count or int(os.environ.get("BENCH_TESTS", "10"))
    methods = {f"test_{number:05}": body for number in range(count)}
    return type(name, (SmokeTest,), {"__module__": module, **methods})
