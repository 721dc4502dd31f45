"""Reads the documentation as text."""

import re

from tests.servers import ROOT

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def table(page, first):
    """Return the rows, each a list of cells, of the page's table whose first column has this heading."""
    text = (ROOT / page).read_text()
    (body,) = re.findall(rf"(?m)^\| {re.escape(first)} \|.*\n\| -.*\n((?:\|.*\n)+)", text)
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in body.splitlines()]


def codes(cell):
    """Return what a cell has between backticks."""
    return re.findall(r"`([^`]+)`", cell)
