"""A report as a page: what it holds, what it must never hold, and who can read it."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from smoketest.report import html, page
from smoketest.report.problem import Problem
from smoketest.report.summary import for_stranger, summarise
from smoketest.results import Outcome
from tests.core.finished import REPORT, RUNNING
from tests.core.making import make_result, make_run

EVIL = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'&amp;\x00\x1b[31m"
PAGES = {
    "finished": html.render(REPORT),
    "stranger": html.render(for_stranger(REPORT)),
    "running": html.render(RUNNING),
    "nothing": html.render(summarise(make_run())),
    "list": html.render_list([REPORT, RUNNING]),
    "empty list": html.render_list([]),
    "problem": html.render_problem(Problem(status=401, title="Unauthorized", detail="send <token>")),
    "evil": html.render(
        summarise(
            make_run(
                make_result(f"a.smoke.ATest.{EVIL}", Outcome.FAILED, message=EVIL, traceback=EVIL, stdout=EVIL),
                id=EVIL,
                release=EVIL,
                host=EVIL,
            )
        )
    ),
}


class Reader(HTMLParser):
    """Notes the elements of a page, and that each that was opened is closed in its turn."""

    VOID = ("meta", "wbr")

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self._open = [], [], []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self.texts.append("" if tag == "wbr" else " ")
        self._open += [tag] if tag not in self.VOID else []

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, *tags):
        return [attributes for tag, attributes in self.elements if tag in tags]

    @property
    def text(self):
        """What is read of the body, which follows the style."""
        (style,) = (text for text in self.texts if text.startswith(":root"))
        return " ".join("".join(self.texts[self.texts.index(style) + 1 :]).split())


def luminance(colour):
    """Return a colour's relative luminance: https://www.w3.org/TR/WCAG21/#dfn-relative-luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    """Return the contrast of two colours: https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def palettes():
    """Return name -> colour, of the light scheme and of the dark one."""
    blocks = re.findall(r":root \{(.*?)\}", page._STYLE, re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in blocks]


@pytest.fixture(params=PAGES)
def read(request):
    """Each of the pages, read."""
    return Reader(PAGES[request.param])


def test_nothing_is_fetched_or_run(read):
    """No page has a script, or anything that a browser would fetch or run."""
    tags = {tag for tag, _ in read.elements}
    names = {name for _, attributes in read.elements for name in attributes}

    assert not tags & {"script", "img", "link", "iframe", "object", "embed", "form", "base"}
    assert not {name for name in names if name.startswith("on")} | (names & {"src", "style"})


def test_landmarks(read):
    """Each page has a language, a title, one main part and one first heading, and says how wide it is."""
    assert read.all("html") == [{"lang": "en"}]
    assert len(read.all("main")) == len(read.all("h1")) == len(read.all("title")) == len(read.all("header")) == 1
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in read.all("meta")


def test_headings_and_tables(read):
    """No level of heading is left out, every header cell has its scope, and every table its caption."""
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch("h[1-6]", tag)]

    assert all(after - before <= 1 for before, after in zip([0, *levels], levels, strict=False))
    assert all(each.get("scope") in ("col", "row") for each in read.all("th"))
    assert len(read.all("caption")) == len(read.all("table"))


def test_ids(read):
    """Ids are unique, and what refers to one finds it."""
    ids = [attributes["id"] for _, attributes in read.elements if "id" in attributes]
    links = [each["href"].removeprefix("#") for each in read.all("a") if each["href"].startswith("#")]

    assert len(ids) == len(set(ids))
    assert set(links) | {each["aria-labelledby"] for each in read.all("section")} <= set(ids)


def test_style(read):
    """The style is the one that the Content-Security-Policy allows, to the letter."""
    style = next(text for text in read.texts if text.startswith(":root"))

    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    assert f"style-src 'sha256-{digest}'" in page.HEADERS["Content-Security-Policy"]
    assert page.HEADERS["Content-Security-Policy"].startswith("default-src 'none'; ")


def test_everything_is_escaped():
    """Whatever a test says is shown as text."""
    read = Reader(PAGES["evil"])

    assert read.text.count("<script>alert(1)</script>") >= 6
    assert "\\x00\\x1b[31m" in read.text
    assert {tag for tag, _ in read.elements}.isdisjoint({"script", "img"})


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
def test_contrast(palette):
    """Text can be read by everybody: WCAG's level AA, 4.5 to 1, in both schemes."""
    grounds = [palette[name] for name in ("ground", "card", "code")]
    inks = [palette[name] for name in ("ink", "dim", "passed", "failed", "errored", "skipped", "waiting")]

    assert min(contrast(ink, ground) for ink in inks for ground in grounds) >= 4.5


def test_finished():
    """What went wrong comes first, with all that is kept of it; then every test."""
    text = Reader(PAGES["finished"]).text

    assert text.startswith("✗ FAIL Smoke tests 5 of 5 tests ended in 3.3 s.")
    assert text.index("What went wrong") < text.index("AssertionError: 1 != 2") < text.index("Every test")
    assert "took 125 ms · limit 5 s · slow · #money · on web-1 · process 7" in text
    assert "no <printer>" in text


def test_stranger():
    """A stranger sees the counts, and the ids of the tests that did not pass."""
    assert Reader(PAGES["stranger"]).text == (
        "✗ FAIL Smoke tests 5 of 5 tests ended in 3.3 s. passed 1 failed 1 errored 2 skipped 1 timed out 1 "
        "Tests that did not pass Tests that did not pass Outcome Test "
        "errored (timeout) shop.smoke.CartTest.test_hangs failed shop.smoke.CartTest.test_pays "
        "skipped shop.smoke.CartTest.test_prints errored mail.smoke "
        "Run run-1 Started 2026-11-22 10:00:00 UTC Finished 2026-11-22 10:00:03 UTC Classes 1"
    )


def test_news():
    """Where only what is new is asked for, the page does not claim to show everything."""
    text = Reader(html.render(replace(REPORT, next_after=5))).text

    assert "What is new" in text
    assert "Every test" not in text


def test_running():
    """The page of a run that goes on soon goes on to the run's own page."""
    read = Reader(PAGES["running"])

    assert {"http-equiv": "refresh", "content": "2; url=https://example.com/smoketest/runs/run-2/"} in read.all("meta")
    assert "4 of 6 tests ended in 1.5 s so far; this page asks again every 2 seconds." in read.text


def test_finished_stays():
    """The page of a finished run stays as it is."""
    assert not [each for each in Reader(PAGES["finished"]).all("meta") if "http-equiv" in each]


def test_no_address_is_taken_from_elsewhere():
    """An address with a quote in it stays one."""
    read = Reader(html.render(replace(RUNNING, url='https://example.com/"><script>')))

    assert {"http-equiv": "refresh", "content": '2; url=https://example.com/"><script>'} in read.all("meta")


def test_list():
    """The list links to each run."""
    read = Reader(PAGES["list"])

    assert [each["href"] for each in read.all("a")] == [REPORT.url, RUNNING.url]


def test_problem():
    """An error says what to do about it."""
    assert Reader(PAGES["problem"]).text == "401 Unauthorized send <token>"
