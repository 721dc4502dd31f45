"""Which run is the one for what is wanted, and whether there is room for another now."""

import time
from dataclasses import dataclass
from functools import cache

from smoketest.record.calls import Call
from smoketest.record.clients import Client, open_client
from smoketest.record.scripts import Script

RECENT = "smoketest:{orders}:runs"
"""The runs that were started last, in the order of Redis' own clock."""
RECENT_RUNS = 100
"""How many of them are kept."""
OPEN = "smoketest:{orders}:open"
"""The runs that go on, as far as is known: those that are looked after."""
_MOST_OPEN = 1000
"""How many of them are kept."""
_STARTS = "smoketest:{orders}:starts"
"""The tag is that of all places: one script looks at them together."""
_PATIENCE_SECONDS = 0.9
"""How late a claim may come: what comes when its answer is not waited for any more must change nothing."""
_ANY = "*"
_GIVE_UP = "-"
_WITHDRAW = "--"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What is known of a place."""

    holder: str
    """The run that was started last for what is wanted, or nothing."""
    full_seconds: float
    """How long no run can be started, because so many were; 0 if one can."""
    at_ms: int
    """When it was so, by Redis' clock."""
    heard_at: float
    """When it was heard of, a point of `time.monotonic()`."""
    is_late: bool = False
    """The claim came too late, and has changed nothing."""


@cache
def open_places(url: str, *, timeout_seconds: float = 1.0) -> "Places":
    """Return this process' view of the places at `url`; it connects when it is used."""
    return Places(open_client(url, timeout_seconds=timeout_seconds))


class Places:
    """A place for each thing that is wanted; every method raises QueueUnavailableError when Redis does not answer."""

    def __init__(self, client: Client) -> None:
        """Take the client of the server."""
        self._client = client
        self._script = Script(client, "claim")

    def look_call(self, wanted: str, *, most: int) -> Call[Place]:
        """Return the call for what is known of the place; `most` runs may be started a minute, for whatever."""
        return self._call(wanted, "", _ANY, 1, most)

    def claim_call(
        self, wanted: str, run_id: str, seen: Place, *, is_another: bool = False, most: int, keep_seconds: float
    ) -> Call[Place]:
        """Return the call that lets the run have the place that was `seen` free, or held by a run that has ended.

        The answer tells who has it then: somebody else may have been quicker, unless any other's is to be taken. One
        that has it may be started, and is among the recent runs and those that go on. Safe to repeat; what comes late,
        because Redis was away, changes nothing: whoever has asked is told by then that nothing was started.
        """
        instead_of = _ANY if is_another else seen.holder
        until_ms = seen.at_ms + int((time.monotonic() - seen.heard_at + _PATIENCE_SECONDS) * 1000)
        return self._call(wanted, run_id, instead_of, max(1, int(keep_seconds)), most, until_ms)

    def give_up(self, wanted: str, run_id: str) -> None:
        """Leave the place, so that whoever asks next has another run."""
        self._call(wanted, _GIVE_UP, run_id, 1, 1).ask()

    def withdraw(self, wanted: str, run_id: str) -> None:
        """Leave the place, and let the run be among no others: it was never started."""
        self._call(wanted, _WITHDRAW, run_id, 1, 1).ask()

    def recent_ids(self, most: int = RECENT_RUNS) -> list[str]:
        """Return the ids of the runs that were started last, newest first."""
        with self._client.answering() as server:
            ids: list[str] = server.zrevrange(RECENT, 0, most - 1)
        return ids

    def _call(
        self, wanted: str, run_id: str, instead_of: str, keep_seconds: int, most: int, until_ms: int = 0
    ) -> Call[Place]:
        keys = [f"smoketest:{{orders}}:{wanted}", _STARTS, RECENT, OPEN]
        asked = (run_id, instead_of, keep_seconds, most, until_ms, RECENT_RUNS, _MOST_OPEN)
        return self._script.call(keys, *asked, read=_place)


def _place(answer: tuple[str, int, int, int]) -> Place:
    holder, full_ms, at_ms, is_late = answer
    return Place(
        holder=holder,
        full_seconds=int(full_ms) / 1000,
        at_ms=int(at_ms),
        heard_at=time.monotonic(),
        is_late=bool(is_late),
    )
