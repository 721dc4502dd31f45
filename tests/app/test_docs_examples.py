"""The examples of the documentation that are Python, and its links."""

import ast
import importlib
import re
from textwrap import dedent

import pytest

from tests.reading import PAGES

READERS = {"module1", "mysite", "shop"}
"""Packages of the reader's own project; what is in them is run where the example is run as a whole."""
EXAMPLES = [
    pytest.param(dedent(re.sub(r"\A#.*", "", text)), id=f"{page.name}-{number}")
    for page in PAGES
    for number, text in enumerate(re.findall(r"(?ms)^```python\n(.*?)^```", page.read_text()), 1)
]
LINKS = [(page, link) for page in PAGES for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text())]


@pytest.mark.parametrize("text", EXAMPLES)
def test_python(text):
    """An example compiles, and what it imports is there."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            [importlib.import_module(each.name) for each in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] not in READERS:
            module = importlib.import_module(node.module)
            assert [each.name for each in node.names if not hasattr(module, each.name)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links(page):
    """What a page links to is there, its headings too: on GitHub, where nothing is built."""
    for link in [link for each, link in LINKS if each == page]:
        path, _, heading = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        assert not heading or heading in headings(target), link


def headings(page):
    """Return the names that GitHub gives a page's headings."""
    titles = re.findall(r"(?m)^#+ (.*)", re.sub(r"(?ms)^```.*?^```", "", page.read_text()))
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
