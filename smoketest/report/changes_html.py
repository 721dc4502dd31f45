"""What is new in a run, on the page of its report."""

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from smoketest.report.comparison import Comparison
from smoketest.report.markup import element

_MOST_NAMED = 100


def changes(comparison: Comparison | None) -> Iterator[ET.Element]:
    """Yield a section with the tests that end otherwise than in the release before, if there is one."""
    if comparison is None or comparison.tests_total is None:
        return
    lists = {
        "Newly failing": comparison.newly_failing,
        "Still failing": comparison.still_failing,
        "Fixed": comparison.fixed,
        "Gone": comparison.gone,
    }
    parts = [part for name, ids in lists.items() if ids for part in _named(name, ids)]
    before = f"Compared with {comparison.release or 'the release before'}"
    heading = element("h2", before, id="changes")
    yield element(
        "section", heading, *(parts or [element("p", "Nothing is new, and nothing fails.")]), aria_labelledby="changes"
    )


def _named(name: str, ids: tuple[str, ...]) -> Iterator[ET.Element]:
    yield element("h3", f"{name}: {len(ids)}")
    items = [element("li", element("code", test_id)) for test_id in ids[:_MOST_NAMED]]
    if len(ids) > _MOST_NAMED:
        items.append(element("li", f"and {len(ids) - _MOST_NAMED} more"))
    yield element("ul", *items)
