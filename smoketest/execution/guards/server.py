"""A guarded connection to a server, which another thread can cut."""

import os
import socket
from contextlib import suppress
from typing import Any

from smoketest.execution.guards.connection import GuardedConnection


class GuardedServerConnection(GuardedConnection):
    """Keeps a duplicate of the driver's socket, taken at once: a number taken later could be another file's by then."""

    _socket: socket.socket | None = None

    def init_connection_state(self) -> None:
        """Take the duplicate."""
        super().init_connection_state()
        self._close_socket()
        self._socket = socket.socket(fileno=os.dup(_descriptor_of(self.connection)))

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]
        finally:
            self._close_socket()

    def _close_socket(self) -> None:
        if self._socket:
            self._socket.close()
            self._socket = None

    def _descriptor(self) -> int | None:
        return self._socket.fileno() if self._socket else None

    def _cut(self) -> None:
        """Let the server find that nobody is there any more, so that it rolls back; from another thread."""
        duplicate = self._socket
        with suppress(OSError):
            if duplicate and self.is_held:
                duplicate.shutdown(socket.SHUT_RDWR)


def _descriptor_of(raw: Any) -> int:
    return int(raw.fileno() if hasattr(raw, "fileno") else raw._sock.fileno())  # noqa: SLF001 (PyMySQL)
