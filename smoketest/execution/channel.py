"""JSON messages between two processes, over pipes or a socket, with a deadline for reading."""

import _socket  # `socket` is another thing below gevent's monkey-patching
import json
import os
import select
import struct
import time
from typing import Any

_LENGTH = struct.Struct("!I")
_MOST_BYTES = 16 * 1024 * 1024
"""No message is nearly as long, so one that says it is was not sent by the other end."""
_PART_BYTES = 1024 * 1024
_CLOSE_ON_EXEC: int = getattr(_socket, "MSG_CMSG_CLOEXEC", 0)


class Channel:
    """One end of a pair of pipes, or of a socket."""

    def __init__(self, read_fd: int, write_fd: int, *, peer_fd: int | None = None) -> None:
        """Take the file descriptors; `peer_fd` becomes readable when the other process has died."""
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._peer_fd = peer_fd

    @property
    def fds(self) -> tuple[int, int]:
        """The file descriptors that messages go through."""
        return self._read_fd, self._write_fd

    @property
    def peer_fd(self) -> int | None:
        """What tells of the other process' death, where there is such a thing."""
        return self._peer_fd

    def send(self, message: dict[str, Any]) -> None:
        """Send a message; raises BrokenPipeError when nobody can read it any more."""
        body = json.dumps(message).encode()
        data = memoryview(_LENGTH.pack(len(body)) + body)
        while data:
            data = data[os.write(self._write_fd, data) :]

    def is_ready(self, until: float) -> bool:
        """Wait until then for a message to begin to arrive; raises EOFError as `receive` does."""
        try:
            self._wait(until)
        except TimeoutError:
            return False
        return True

    def receive(self, until: float | None = None) -> dict[str, Any]:
        """Return the next message.

        `until` is a point of `time.monotonic()`. Raises TimeoutError when it has not arrived whole by then, EOFError
        when nobody can send one any more, and ValueError for what is no message: somebody else has written it.
        """
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, until))
        if length > _MOST_BYTES:
            error = f"a message of {length} bytes"
            raise ValueError(error)
        return _parse(self._read(length, until))

    def send_files(self, *fds: int) -> None:
        """Let the other process have these open files, through a socket."""
        socket = _socket.socket(fileno=self._write_fd)
        try:
            socket.sendmsg([b"\0"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack(f"{len(fds)}i", *fds))])
        finally:
            socket.detach()

    def receive_files(self, count: int, until: float | None = None) -> tuple[int, ...]:
        """Return the descriptors of so many files that the other process has sent; raises as `receive` does."""
        self._wait(until)
        form = struct.Struct(f"{count}i")
        socket = _socket.socket(fileno=self._read_fd)
        try:
            _, ancillary, _, _ = socket.recvmsg(1, _socket.CMSG_SPACE(form.size), _CLOSE_ON_EXEC)
        finally:
            socket.detach()
        if not ancillary:
            raise EOFError
        fds: tuple[int, ...] = form.unpack(ancillary[0][2])
        for fd in fds:
            os.set_inheritable(fd, False)  # noqa: FBT003 (os takes no name for it)
        return fds

    def close(self) -> None:
        """Close the descriptors."""
        for fd in {self._read_fd, self._write_fd, self._peer_fd} - {None}:
            os.close(fd)  # type: ignore[arg-type]

    def _read(self, size: int, until: float | None) -> bytearray:
        data = bytearray()
        while len(data) < size:
            self._wait(until)
            part = os.read(self._read_fd, min(size - len(data), _PART_BYTES))
            if not part:
                raise EOFError
            data += part
        return data

    def _wait(self, until: float | None) -> None:
        poll = select.poll()  # gevent's own where it has patched: the other greenlets go on
        for fd in (self._read_fd, self._peer_fd):
            if fd is not None:
                poll.register(fd, select.POLLIN)
        left = None if until is None else max(0.0, until - time.monotonic()) * 1000
        ready = [fd for fd, _ in poll.poll(left)]
        if not ready:
            raise TimeoutError
        # A process that the test has started may hold the pipe open when its own is dead.
        if self._read_fd not in ready:
            raise EOFError


def _parse(data: bytearray) -> dict[str, Any]:
    try:
        message = json.loads(data)
    except RecursionError:
        error = "a message that is nested too deeply"
        raise ValueError(error) from None
    if not isinstance(message, dict):
        error = f"a message that is no object: {type(message).__name__}"
        raise ValueError(error)  # noqa: TRY004 (as for all that is no message)
    return message


def socketpair() -> tuple[int, int]:
    """Return the descriptors of two sockets that are connected, for both ends of a channel."""
    ours, theirs = (end.detach() for end in _socket.socketpair())
    for fd in (ours, theirs):
        os.set_blocking(fd, True)  # a default timeout makes them otherwise
    return ours, theirs
