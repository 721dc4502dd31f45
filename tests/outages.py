"""Databases that fail as they do in production: a PostgreSQL of the tests' own, and proxies before other servers."""

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import psycopg

from tests import waiting
from tests.servers import descendants, free_port, send_signal


def postgresql_program(name):
    """Return the path of one of the server's programs, which Debian keeps out of PATH, or None."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return shutil.which(name) or (str(versions[-1]) if versions else None)


class OwnPostgreSQL:
    """A PostgreSQL server with nobody else on it, which can be stopped, frozen and started again."""

    def __init__(self):
        self.port = free_port()
        self.url = f"postgresql://tests@127.0.0.1:{self.port}/postgres"
        self._directory = Path(tempfile.mkdtemp(prefix="smoketest-postgresql-"))
        self._data = self._directory / "data"
        # The server refuses to run as root.
        self._user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.getuid() == 0 else {}
        self.process = None

    def create(self):
        if self._user:
            shutil.chown(self._directory, "postgres", "postgres")
        self._run("initdb", "-D", self._data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--no-sync", "--no-locale")
        self.start()

    def start(self):
        options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", f"port={self.port}"]
        command = [postgresql_program("postgres"), "-D", self._data, *(f"--{option}" for option in options)]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen(command, cwd=self._directory, **quiet, **self._user)
        waiting.until(self._answers, what="the own PostgreSQL answers")

    def execute(self, sql):
        """Execute a statement as somebody else and return the rows, if it has any."""
        with psycopg.connect(self.url, autocommit=True, connect_timeout=3) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

    def stop(self):
        """End the server at once, its clients' sessions too, as a restart in a hurry does."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=waiting.LIMIT_SECONDS)

    @contextlib.contextmanager
    def frozen(self):
        """Let all of the server stand still: connections are accepted by the kernel, and nobody answers."""
        pids = [self.process.pid, *descendants(self.process.pid)]
        send_signal(signal.SIGSTOP, pids)
        try:
            yield
        finally:
            send_signal(signal.SIGCONT, pids)

    def destroy(self):
        if self.process and self.process.poll() is None:
            self.stop()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _run(self, program, *arguments):
        command = [postgresql_program(program), *arguments]
        subprocess.run(command, cwd=self._directory, check=True, capture_output=True, **self._user)

    def _answers(self):
        assert self.process.poll() is None, "PostgreSQL has ended"
        with contextlib.suppress(psycopg.OperationalError):
            return self.execute("SELECT 1")
        return False


class Proxy:
    """Stands before a server that others use too: it forwards, refuses or withholds what is sent.

    From what holds the last word on it withholds everything.
    """

    def __init__(self, host, port, *, last_word=None):
        self.port = free_port()
        self._upstream = (host, port)
        self._last_word = last_word
        self._flows = threading.Event()
        self._flows.set()
        self._answers = threading.Event()
        self._answers.set()
        self._pairs = []
        self._listener = None

    def start(self):
        """Listen, and forward each connection in threads of its own."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def stop(self):
        """Refuse new connections and cut those that are open, as the end of a server does."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in [each for pair in self._pairs for each in pair]:
            _cut(each)
        self._pairs.clear()
        self._flows.set()  # what was withheld gets nowhere now
        self._answers.set()

    def frozen(self):
        """Take connections and bytes, and pass nothing on."""
        return _closed(self._flows)

    def lead_to(self, host, port):
        """Have new connections go to another server."""
        self._upstream = (host, port)

    def dumb(self):
        """Pass on what the server is asked, and not what it answers."""
        return _closed(self._answers)

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client):
        server = socket.create_connection(self._upstream)
        self._pairs.append((client, server))
        back = threading.Thread(target=self._pump, args=[server, client, self._flows, self._answers], daemon=True)
        back.start()
        self._pump(client, server, self._flows)
        back.join()
        client.close()
        server.close()

    def _pump(self, source, target, *gates):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if self._last_word and self._last_word in data:
                    self._flows.clear()
                for gate in gates:
                    gate.wait()
                target.sendall(data)
        _cut(source)
        _cut(target)


@contextlib.contextmanager
def _closed(gate):
    gate.clear()
    try:
        yield
    finally:
        gate.set()


class TLSProxy:
    """Speaks TLS before a server that does not."""

    def __init__(self, port, context):
        self.port = free_port()
        self._upstream = ("127.0.0.1", port)
        self._context = context
        self._listens = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()), daemon=True)

    def start(self):
        self._thread.start()
        assert self._listens.wait(waiting.LIMIT_SECONDS)

    def stop(self):
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join()

    async def _live(self):
        self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._context)
        self._listens.set()
        await self._ended.wait()
        server.close()

    async def _serve(self, from_client, to_client):
        from_server, to_server = await asyncio.open_connection(*self._upstream)
        pumps = [asyncio.ensure_future(_pump(*ends)) for ends in ((from_client, to_server), (from_server, to_client))]
        with contextlib.suppress(asyncio.CancelledError):  # asyncio's own callback would tell of it
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        to_client.transport.abort()
        to_server.transport.abort()


async def _pump(source, target):
    with contextlib.suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()


def _cut(end):
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
