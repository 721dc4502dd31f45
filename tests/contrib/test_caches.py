"""smoketest.contrib.caches, on a real cache server."""

import pytest
from django.core.cache import caches as django_caches
from django.core.cache.backends.locmem import LocMemCache
from django.test import override_settings

from smoketest.contrib import caches
from smoketest.results import Outcome
from tests.contrib.running import result_of

LOCAL = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
DUMMY = {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}


@pytest.fixture
def redis_cache(own_redis):
    """A cache on a Redis server, beside a local one."""
    server = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": own_redis.url}
    with override_settings(CACHES={"default": LOCAL, "sessions": server}):
        yield own_redis
        django_caches["sessions"].close()


def test_round_trip(redis_cache):
    """Caches that keep what is put in pass, and nothing is left in them."""
    result = result_of(caches.CachesTest)

    assert result.outcome is Outcome.PASSED, result.message
    assert redis_cache.client.keys() == []


def test_server_killed(redis_cache):
    """A cache whose server is gone fails by its alias, whatever the others do."""
    redis_cache.kill()

    result = result_of(caches.CachesTest)

    assert result.outcome is Outcome.FAILED
    assert result.message.startswith("(cache='sessions'): cache 'sessions' (")
    assert "RedisCache) does not answer: ConnectionError: " in result.message
    assert "default" not in result.message


def test_server_full(redis_cache):
    """A cache whose server takes nothing more fails."""
    redis_cache.client.config_set("maxmemory", 1)

    result = result_of(caches.CachesTest)

    assert result.outcome is Outcome.FAILED
    assert "command not allowed when used memory > 'maxmemory'" in result.message


class Forgetful(LocMemCache):
    """Takes everything and keeps nothing, without a word, as a server without memory may do."""

    def set(self, *_args, **_options):
        pass


@override_settings(CACHES={"default": {"BACKEND": f"{__name__}.Forgetful"}})
def test_value_lost():
    """A cache that forgets at once fails."""
    result = result_of(caches.CachesTest)

    assert result.outcome is Outcome.FAILED
    assert "Forgetful) took a value and does not have it. " in result.message


@override_settings(CACHES={"default": LOCAL, "off": DUMMY})
def test_chosen():
    """Of the caches only those named are tried; one that is not configured fails."""
    chosen = result_of(caches.CachesTest, aliases=["default"])
    unknown = result_of(caches.CachesTest, aliases=["nowhere"])

    assert chosen.outcome is Outcome.PASSED
    assert unknown.outcome is Outcome.FAILED
    assert "cache 'nowhere' () does not answer: InvalidCacheBackendError" in unknown.message


@override_settings(CACHES={"default": DUMMY})
def test_dummy():
    """Where there is nothing but a dummy the test is skipped, not passed."""
    assert result_of(caches.CachesTest).outcome is Outcome.SKIPPED


@override_settings(CACHES={})
def test_no_cache():
    """A project without caches is not told that they keep what is put into them."""
    assert result_of(caches.CachesTest).outcome is Outcome.FAILED
