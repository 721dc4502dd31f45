"""`python -m benchmarks`: measure everything in one run, print the table, and write it into the docs if asked to."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import django
from django.db import connections

from benchmarks import (
    connecting,
    endpoint,
    growing,
    hanging,
    load,
    locking,
    overhead,
    queueing,
    rows,
    scaling,
    sleeping,
)
from benchmarks.databases import own_databases

_PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
_BEGIN, _END = "<!-- measured -->\n", "<!-- end of measured -->"
_MEASURES: dict[str, Callable[[rows.Sizes], Iterable[rows.Row]]] = {
    "overhead": overhead.measure,
    "endpoint": endpoint.measure,
    "sleeping": sleeping.measure,
    "connecting": connecting.measure,
    "growing": growing.measure,
    "hanging": hanging.measure,
    "locking": locking.measure,
    "queueing": queueing.measure,
    "scaling": scaling.measure,
}
_COMMANDS = {"full": "make bench", "quick": "make bench QUICK=1", "tiny": "python -m benchmarks --size tiny"}
_SIZES = {"full": rows.FULL, "quick": rows.QUICK, "tiny": rows.TINY}


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=f"of {', '.join(_MEASURES)}; all by default")
    parser.add_argument("--size", choices=_SIZES, default="full")
    parser.add_argument("--write", action="store_true", help=f"write the table into {_PAGE.name}")
    asked = parser.parse_args()
    if unknown := set(asked.measures) - set(_MEASURES):
        parser.error(f"there is no measure {', '.join(sorted(unknown))}")
    text = _measure(asked.measures or list(_MEASURES), _SIZES[asked.size], asked.size)
    sys.stdout.write(text)
    if asked.write:
        before, _, rest = _PAGE.read_text().partition(_BEGIN)
        _PAGE.write_text(before + _BEGIN + text + _END + rest.partition(_END)[2])


def _measure(names: list[str], sizes: rows.Sizes, size: str) -> str:
    with tempfile.TemporaryDirectory(prefix="smoketest-bench-") as folder, own_databases() as databases:
        os.environ["BENCH_DIR"] = folder
        os.environ["BENCH_DATABASES"] = json.dumps(databases)
        os.environ["BENCH_TESTS"] = str(sizes.tests)
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.project.settings"
        django.setup()
        found = [row for name in names for row in _reported(name, sizes)]
        servers = [_version(alias) for alias in databases]
        connections.close_all()
    about = f"Measured by `{_COMMANDS[size]}` on {rows.machine(*servers, load.client())}."
    return f"{about}\n\n{rows.as_markdown(found)}\n"


def _reported(name: str, sizes: rows.Sizes) -> Iterable[rows.Row]:
    for row in _MEASURES[name](sizes):
        sys.stderr.write(f"{name}: {' | '.join(row.cells)}\n")
        yield row


def _version(alias: str) -> str:
    version = ".".join(map(str, connections[alias].get_database_version()))
    return f"{connections[alias].display_name} {version}"


main()
