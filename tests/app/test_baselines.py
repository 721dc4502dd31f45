"""What the last two releases came to."""

import base64
import json
import zlib
from contextlib import ExitStack

import pytest
from django.test import override_settings

from smoketest.record.baselines import KEEP_SECONDS, decode, open_baselines
from smoketest.report.comparison import Baseline


@pytest.fixture
def baselines(redis_server):
    """Baselines of nobody yet."""
    redis_server.client.flushall()
    return open_baselines(redis_server.url)


@pytest.fixture
def settings_of():
    """Change settings of Django's: `settings_of(SECRET_KEY="...")`."""
    with ExitStack() as stack:
        yield lambda **values: stack.enter_context(override_settings(**values))


@pytest.fixture
def end(baselines):
    """Let runs end: `end("r1", 10)`, of that release and created then."""

    def remember(release, created_ms, selection="", **values):
        known = {"run_id": f"{release}-{created_ms}", "release": release, "tests": ("a",), "bad": ()}
        baseline = Baseline(**known | values)
        baselines.remember(selection, baseline, created_ms=created_ms)

    return remember


def before(baselines, release, selection=""):
    """Return which run one of this release is compared with."""
    baseline = decode(baselines.before_call(selection, release).ask())
    return baseline.run_id if baseline else None


def test_before__nothing(baselines, end):
    """The first release has none before it, however often it runs."""
    first = before(baselines, "r1")
    end("r1", 10)

    assert (first, before(baselines, "r1")) == (None, None)


def test_before__previous_release(baselines, end):
    """A run is compared with the last one of the release before, and so is the next of the same release."""
    end("r1", 10)
    end("r1", 20)
    first = before(baselines, "r2")
    end("r2", 30)

    assert (first, before(baselines, "r2")) == ("r1-20", "r1-20")
    assert before(baselines, "r3") == "r2-30"


def test_before__rolled_back(baselines, end):
    """After a way back the release that was left is the one before."""
    end("r1", 10)
    end("r2", 20)
    first = before(baselines, "r1")
    end("r1", 30)

    assert (first, before(baselines, "r1"), before(baselines, "r3")) == ("r2-20", "r2-20", "r1-30")


def test_before__straggler(baselines, end):
    """A run of the old release that ends after one of the new does not become the newest."""
    end("r1", 10)
    end("r2", 30)
    end("r1", 20)

    assert (before(baselines, "r2"), before(baselines, "r3")) == ("r1-10", "r2-30")


def test_before__other_selection(baselines, end):
    """Runs of other tests are not compared."""
    end("r1", 10, "tag=mail")

    assert (before(baselines, "r2"), before(baselines, "r2", "tag=mail")) == (None, "r1-10")


def test_before__other_project(baselines, end, settings_of):
    """Another project at the same Redis has baselines of its own."""
    end("r1", 10)
    settings_of(SECRET_KEY="another-project's")  # noqa: S106 (it is none)

    assert before(baselines, "r2") is None


def test_baseline__is_small_and_expires(baselines, end, redis_server):
    """Ten thousand tests take a few bytes each, and what nobody renews goes."""
    tests = tuple(f"some.project.module.smoke.SomethingTest.test_number_{number}" for number in range(10_000))

    end("r1", 10, tests=tests, bad=tests[::3])

    (key,) = redis_server.client.keys("*baselines*")
    assert decode(baselines.before_call("", "r2").ask()).bad == tests[::3]
    assert redis_server.client.memory_usage(key) < 100_000
    assert 0 < redis_server.client.ttl(key) <= KEEP_SECONDS


def test_baseline__of_a_later_version(baselines, end, redis_server):
    """After a way back to an earlier version what a later one has written is read as far as it is known."""
    end("r1", 10, bad=("a",))
    (key,) = redis_server.client.keys("*baselines*")
    written = json.loads(zlib.decompress(base64.b64decode(redis_server.client.hget(key, "baseline"))))
    later = base64.b64encode(zlib.compress(json.dumps({**written, "colour": "blue"}).encode()))
    redis_server.client.hset(key, "baseline", later)

    assert decode(baselines.before_call("", "r2").ask()).bad == ("a",)
