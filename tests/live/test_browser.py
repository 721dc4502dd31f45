"""The pages in a real browser."""

import os

import pytest

from smoketest.report import html, page
from tests import waiting
from tests.core.finished import REPORT, RUNNING
from tests.live import browser

pytestmark = [pytest.mark.live, pytest.mark.drill]

GOING_ON = html.render(RUNNING).replace(RUNNING.url, "http://here/runs/2/")
FINISHED = html.render(REPORT)


@pytest.fixture(autouse=True)
def _chromium():
    """Skip where there is no browser; where SMOKETEST_TEST_BROWSER is set, that is an error."""
    if not browser.PATH and os.environ.get("SMOKETEST_TEST_BROWSER"):
        pytest.fail("no chromium is installed, and SMOKETEST_TEST_BROWSER is set")
    elif not browser.PATH:
        pytest.skip("no chromium is installed")


@pytest.mark.parametrize(("is_dark", "ground"), [(False, "#f4f5f7"), (True, "#0d1117")])
def test_browser__style(is_dark, ground):
    """The browser applies the style under the page's own policy, in the scheme that its user prefers."""
    with browser.serving({"/": (FINISHED, page.HEADERS)}) as (url, asked):
        painted = browser.ground_of(url, is_dark=is_dark)

    assert painted == ground
    assert asked == ["/"]


def test_browser__policy():
    """The policy holds: a style that is not the page's own changes nothing."""
    other = FINISHED.replace(":root {", ":root { ")

    with browser.serving({"/": (other, page.HEADERS)}) as (url, _):
        painted = browser.ground_of(url, is_dark=False)

    assert painted == "#ffffff"


def test_browser__refresh():
    """The page of a run that goes on turns into its report by itself, without a script."""
    answers = {"/slow/": (GOING_ON, page.HEADERS), "/runs/2/": (FINISHED, page.HEADERS)}

    with browser.serving(answers) as (url, asked), browser.showing(f"{url}/slow/"):
        waiting.until(lambda: len(asked) > 1, what="the browser asks again")

    assert asked == ["/slow/", "/runs/2/"]


def test_browser__reads_what_was_written():
    """The browser finds the page to be as it was written: nothing was out of place."""
    with browser.serving({"/": (FINISHED, page.HEADERS)}) as (url, _):
        document = browser.read(url)

    body = FINISHED.partition("<body>")[2].partition("</body>")[0]
    assert f"<body>{body}" in document
