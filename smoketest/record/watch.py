"""Which worker looks after the runs that go on, and which runs these are."""

from functools import cache

from smoketest.record.clients import Client, open_client
from smoketest.record.places import OPEN
from smoketest.record.scripts import Script

_WATCH = "smoketest:{orders}:watch:"
"""The tag is that of the list: one script looks at both."""


@cache
def open_watch(url: str) -> "Watch":
    """Return this process' view of the watch at `url`; it connects when it is used."""
    return Watch(open_client(url, timeout_seconds=1.0))


class Watch:
    """One worker at a time keeps each. Every method raises QueueUnavailableError when Redis does not answer."""

    def __init__(self, client: Client) -> None:
        """Take the client of the server."""
        self._client = client
        self._script = Script(client, "watch")

    def look(self, kind: str, worker_id: str, *, seconds: float) -> tuple[bool, list[str]]:
        """Tell whether a worker is the one of its kind that keeps it, for so long from now, and return all runs' ids.

        With 0 seconds it leaves that to the others.
        """
        is_keeper, ids = self._script([OPEN, _WATCH + kind], worker_id, int(seconds * 1000))
        return bool(is_keeper), ids

    def close(self, run_id: str) -> None:
        """Take a run from those that go on."""
        with self._client.answering() as server:
            server.zrem(OPEN, run_id)
