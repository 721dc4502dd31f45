"""What the last two releases came to, in Redis: for each selection one small key, whatever becomes of their runs."""

import base64
import json
import zlib
from dataclasses import asdict
from functools import cache

from django.utils.crypto import salted_hmac

from smoketest.record.calls import Call
from smoketest.record.clients import Client, open_client
from smoketest.record.scripts import Script
from smoketest.report.comparison import Baseline
from smoketest.results import pick_known

KEEP_SECONDS = 90 * 86400.0
"""A release may stay for much longer than the record of its runs; each finished run renews it."""

_FIELDS = frozenset(Baseline.__slots__)
_NAMES = ("release", "baseline", "older_release", "older_baseline")


@cache
def open_baselines(url: str) -> "Baselines":
    """Return this process' view of the baselines at `url`; it connects when it is used."""
    return Baselines(open_client(url, timeout_seconds=1.0))


class Baselines:
    """Every method raises QueueUnavailableError when Redis does not answer."""

    def __init__(self, client: Client) -> None:
        """Take the client of the server."""
        self._client = client
        self._remember = Script(client, "remember")

    def remember(self, selection: str, baseline: Baseline, *, created_ms: int) -> None:
        """Let the run be what the release came to, unless a run that was created later has ended before."""
        text = encode(baseline)
        self._remember([_key(selection)], baseline.release, created_ms, text, int(KEEP_SECONDS))

    def before_call(self, selection: str, release: str) -> Call[str]:
        """Return the call for what the last other release came to, encoded; nothing where none is known."""

        def read(answer: tuple[str | None, ...]) -> str:
            last, baseline, _, older_baseline = answer
            return (older_baseline if last == release else baseline) or ""

        return Call(self._client, ("HMGET", _key(selection), *_NAMES), read)


def encode(baseline: Baseline) -> str:
    """Return the baseline as text; packed, since the ids of tests are long and alike."""
    return base64.b64encode(zlib.compress(json.dumps(asdict(baseline)).encode())).decode()


def decode(text: str | None) -> Baseline | None:
    """Return what was encoded; None of nothing."""
    if not text:
        return None
    values = pick_known(_FIELDS, json.loads(zlib.decompress(base64.b64decode(text))))
    return Baseline(**values | {name: tuple(values[name]) for name in ("tests", "bad")})


def _key(selection: str) -> str:
    # With the project's secret: staging and production may share a Redis, and compare with nothing of each other's.
    return f"smoketest:baselines:{salted_hmac('smoketest.baselines', selection, algorithm='sha256').hexdigest()[:32]}"
