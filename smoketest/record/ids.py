"""The ids of queued runs: unguessable, and known as ours without asking anybody."""

import hmac
import secrets
import time
from functools import lru_cache

from django.conf import settings
from django.utils.crypto import salted_hmac


def make_id() -> str:
    """Return the time in milliseconds, 128 random bits, and a mark by which an id of ours is known without Redis."""
    stem = f"{int(time.time() * 1000):011x}-{secrets.token_hex(16)}"
    return f"{stem}-{_mark(stem, settings.SECRET_KEY)}"


def is_ours(run_id: str) -> bool:
    """Tell whether an id was given out by this project, whatever has become of its run."""
    stem, _, mark = run_id.rpartition("-")
    secrets_known = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return any(hmac.compare_digest(mark.encode(), _mark(stem, secret).encode()) for secret in secrets_known)


@lru_cache(maxsize=32)  # a run is polled again and again
def _mark(stem: str, secret: str) -> str:
    return salted_hmac("smoketest.runs", stem, secret=secret, algorithm="sha256").hexdigest()[:8]
