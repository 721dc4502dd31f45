"""Each cache keeps what is put into it."""

import secrets
from collections.abc import Collection
from typing import ClassVar

from django.conf import settings
from django.core.cache import caches

from smoketest.cases import SmokeTest
from smoketest.contrib.telling import listed, require, told

_KEEP_SECONDS = 60
"""Should the test be ended before it removes its key, the cache does."""


class CachesTest(SmokeTest):
    """A value goes into each cache of `aliases` (all by default) and comes back.

    The write is real: one key with a random name and a few bytes, removed at once.
    """

    abstract = True
    aliases: ClassVar[Collection[str]] = ()
    """Aliases in `CACHES`; none: all of them."""

    def test_keep_what_is_put_in(self) -> None:
        for alias in listed(self.aliases or settings.CACHES, "CACHES"):
            with self.subTest(cache=alias):
                self._round_trip(alias)

    def _round_trip(self, alias: str) -> None:
        backend = settings.CACHES.get(alias, {}).get("BACKEND", "")
        if backend.endswith("DummyCache"):
            self.skipTest(f"cache {alias!r} is a dummy that keeps nothing")
        key, value = f"smoketest-{secrets.token_hex(8)}", secrets.token_hex(8)
        mend = "Look whether its server runs, can be reached from this host and has memory left"
        with told(f"cache {alias!r} ({backend}) does not answer", mend=mend):
            cache = caches[alias]
            cache.set(key, value, _KEEP_SECONDS)
            kept = cache.get(key)
            cache.delete(key)
            left = cache.get(key)
        require(kept == value, f"cache {alias!r} ({backend}) took a value and does not have it. {mend}")
        require(left is None, f"cache {alias!r} ({backend}) still has a key that was deleted. Look at its replicas")
