"""So many runs may be started a minute, and no more."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import Client

from tests.live.conftest import Deployer

pytestmark = pytest.mark.live

STARTS = "smoketest:{orders}:starts"


@pytest.fixture
def limited(queued, own_redis):
    """A Redis without a worker, to which three runs may be started a minute."""
    queued(own_redis, None, "shop", starts_per_minute=3)
    return own_redis.client


@pytest.fixture
def full(limited, deployer):
    """The same after three starts; each is of another selection."""
    for name in ("foomodel", "smoke", "test"):
        deployer.start(k=name)
    return limited


def test_limits__refused(full, deployer):
    """The next one is refused and told when to ask again, whatever it asks for; nothing of it is left in Redis."""
    keys = set(full.keys())

    answers = [deployer.post("/smoketest/slow/", query_params=query) for query in ({}, {"new": "1"}, {"k": "Test"})]

    assert [answer.status_code for answer in answers] == [429, 429, 429]
    assert answers[0].json()["title"] == "Too Many Requests"
    assert "3 runs were started within the last minute" in answers[0].json()["detail"]
    assert 50 <= int(answers[0].headers["Retry-After"]) <= 60
    assert set(full.keys()) == keys


@pytest.mark.usefixtures("full")
def test_limits__joining_is_free(deployer):
    """Who joins a run that is under way starts none."""
    answers = [deployer.post("/smoketest/slow/", query_params={"k": "foomodel"}) for _ in range(5)]

    assert {answer.status_code for answer in answers} == {202}


def test_limits__room_again(full, deployer):
    """A minute after the first start there is room for another, and only one."""
    first = full.zrange(STARTS, 0, 0)[0]
    full.zincrby(STARTS, -60_000, first)

    answers = [deployer.post("/smoketest/slow/", query_params={"new": "1"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 429]


def test_limits__all_at_once(limited):
    """However many come at once for the same, all join the one run; none is refused and no more are started."""
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: Deployer().post("/smoketest/slow/"), range(24)))

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert limited.zcard(STARTS) == 1


def test_limits__new_ones_at_once(limited):
    """However many come at once for another run, no more are started than may be."""
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: Deployer().post("/smoketest/slow/?new=1"), range(24)))

    assert sorted(answer.status_code for answer in answers) == [202] * 3 + [429] * 21
    assert limited.zcard(STARTS) == 3


@pytest.mark.usefixtures("full")
def test_limits__strangers():
    """Who may not start a run is not told that there is no room."""
    assert Client().post("/smoketest/slow/").status_code == 401
