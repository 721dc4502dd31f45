"""What a measurement gives: rows of a table."""

import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version


@dataclass(frozen=True, kw_only=True)
class Row:
    """One thing measured, beside what it is compared with in the same run."""

    what: str
    found: float
    unit: str
    base: float | None = None
    against: str = ""

    @property
    def cells(self) -> Sequence[str]:
        """Return what stands in the table."""
        if not self.base:
            return self.what, _number(self.found, self.unit), "", ""
        ratio = f"{self.found / self.base:.2f}"
        return self.what, _number(self.found, self.unit), f"{self.against}: {_number(self.base, self.unit)}", ratio


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured."""

    rounds: int
    tests: int
    """In one in-process run."""
    load_seconds: float
    requests: int
    """Until memory is looked at."""
    hanging_requests: int
    database_requests: int
    idle_seconds: float
    """After these, idle threads have gone with their connections; 0: not waited for."""
    queued: int
    singles: int
    long: int
    """Tests of the run that is polled while it goes on."""
    polls: int


FULL = Sizes(
    rounds=5,
    tests=1000,
    load_seconds=3,
    requests=10_000,
    hanging_requests=1000,
    database_requests=100,
    idle_seconds=32,
    queued=1000,
    singles=150,
    long=10_000,
    polls=1000,
)
QUICK = Sizes(
    rounds=3,
    tests=1000,
    load_seconds=1,
    requests=2000,
    hanging_requests=200,
    database_requests=100,
    idle_seconds=32,
    queued=200,
    singles=20,
    long=10_000,
    polls=200,
)
TINY = Sizes(
    rounds=1,
    tests=2,
    load_seconds=0.1,
    requests=10,
    hanging_requests=10,
    database_requests=8,
    idle_seconds=0,
    queued=4,
    singles=1,
    long=20,
    polls=2,
)


def as_markdown(rows: Iterable[Row]) -> str:
    """Return the rows as a table."""
    lines = ["| measured | found | against | ratio |", "| --- | ---: | --- | ---: |"]
    return "\n".join([*lines, *(f"| {' | '.join(row.cells)} |" for row in rows)])


def machine(*others: str) -> str:
    """Return what the rows were measured on."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("Django", "celery", "gunicorn", "uvicorn"))
    return ", ".join([f"{os.cpu_count()} cores", f"Python {platform.python_version()}", packages, *others])


def _number(value: float, unit: str) -> str:
    text = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
    return f"{text} {unit}".strip()
