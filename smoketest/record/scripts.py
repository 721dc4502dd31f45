"""The Lua scripts: each is one step of what is recorded, whole or not at all."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from smoketest.record.calls import Call
from smoketest.record.clients import Client

T = TypeVar("T")

_LUA = Path(__file__).parent / "lua"


def _as_it_is(answer: Any) -> Any:
    return answer


class Script:
    """A Lua script that is sent once and then named.

    redis-py's own looks for pipelines first, which takes a tenth of a call.
    """

    def __init__(self, client: Client, *names: str) -> None:
        """Take the client that runs it, and the names of the files in `lua` that it is made of."""
        self._client = client
        self._source = "".join((_LUA / f"{name}.lua").read_text() for name in names)
        self._digest = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()

    def __call__(self, keys: list[str], *arguments: str | int) -> Any:
        """Run it; its keys must be of one hash tag."""
        return self.call(keys, *arguments).ask()

    def call(
        self, keys: list[str], *arguments: str | int, read: Callable[[Any], T] = _as_it_is, is_in_full: bool = False
    ) -> Call[T]:
        """Return the call that runs it, `is_in_full` where it can't be asked again because it was not known."""
        asked = (len(keys), *keys, *arguments)
        in_full = ("EVAL", self._source, *asked)
        return Call(self._client, in_full if is_in_full else ("EVALSHA", self._digest, *asked), read, in_full)


def scripts_of_runs(client: Client) -> dict[str, Script]:
    """Return the scripts whose keys are those of one run, by name."""
    changing = ("abandon", "cancel", "give_up", "idle", "refuse", "tell", "told", "unsend")
    return {name: Script(client, "facts", "changing", name) for name in changing} | {
        "add": Script(client, "facts", "changing", "adding", "add"),
        "begin": Script(client, "facts", "changing", "holding", "handing", "begin"),
        "create": Script(client, "facts", "changing", "adding", "standing", "create"),
        "hold": Script(client, "facts", "changing", "holding", "hold"),
        "look": Script(client, "facts", "standing", "look"),
        "poll": Script(client, "facts", "changing", "standing", "reading", "poll"),
        "read": Script(client, "facts", "reading", "read"),
        "step": Script(client, "facts", "changing", "handing", "step"),
    }
