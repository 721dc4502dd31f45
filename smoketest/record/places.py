"""Which run is the one for what is wanted, and whether there is room for another now."""

from dataclasses import dataclass
from functools import cache

from smoketest.record.clients import Client, open_client
from smoketest.record.scripts import Script

RECENT = "smoketest:{orders}:runs"
"""The runs that were started last, in the order of Redis' own clock."""
RECENT_RUNS = 100
"""How many of them are kept."""
OPEN = "smoketest:{orders}:open"
"""Those of them that go on, as far as is known."""
_STARTS = "smoketest:{orders}:starts"
"""The tag is that of all places: one script looks at them together."""
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

    def look(self, wanted: str, *, most: int) -> Place:
        """Return what is known of the place; `most` runs may be started a minute, for whatever."""
        return self._ask(wanted, "", _ANY, 1, most)

    def claim(self, wanted: str, run_id: str, *, instead_of: str | None, most: int, keep_seconds: float) -> Place:
        """Let the run have the place, instead of another or, if that is None, of any; return who has it then.

        One that has it may be started, and is among the recent runs and those that go on. Safe to repeat.
        """
        return self._ask(wanted, run_id, _ANY if instead_of is None else instead_of, max(1, int(keep_seconds)), most)

    def give_up(self, wanted: str, run_id: str) -> None:
        """Leave the place, so that whoever asks next has another run."""
        self._ask(wanted, _GIVE_UP, run_id, 1, 1)

    def withdraw(self, wanted: str, run_id: str) -> None:
        """Leave the place, and let the run be among no others: it was never started."""
        self._ask(wanted, _WITHDRAW, run_id, 1, 1)

    def recent_ids(self, most: int = RECENT_RUNS) -> list[str]:
        """Return the ids of the runs that were started last, newest first."""
        with self._client.answering() as server:
            ids: list[str] = server.zrevrange(RECENT, 0, most - 1)
        return ids

    def _ask(self, wanted: str, *arguments: str | int) -> Place:
        keys = [f"smoketest:{{orders}}:{wanted}", _STARTS, RECENT, OPEN]
        holder, full_ms = self._script(keys, *arguments, RECENT_RUNS)
        return Place(holder=holder, full_seconds=int(full_ms) / 1000)
