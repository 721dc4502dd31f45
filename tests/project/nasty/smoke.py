"""More that tests can do to their process and to those around it; each ends in one way only."""

import asyncio
import contextlib
import ctypes
import fcntl
import gc
import hashlib
import locale
import logging
import multiprocessing
import os
import queue
import re
import resource
import select
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path

from django.utils import translation

from smoketest import SmokeTest, slow, timeout

DIRECTORY = Path(os.environ["SMOKETEST_TEST_DIR"])
ALL_SIGNALS = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


@slow
@timeout(0.2)
class BlockedTest(SmokeTest):
    """Each hangs in another place, and is interrupted there."""

    def test_receives(self):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.recv(1)

    def test_accepts(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.accept()

    def test_waits_for_a_lock(self):
        lock = threading.Lock()
        lock.acquire()
        lock.acquire()

    def test_waits_for_a_queue(self):
        queue.Queue().get()

    def test_joins_a_thread(self):
        thread = threading.Thread(target=time.sleep, args=(600,), daemon=True)
        thread.start()
        thread.join()

    def test_waits_for_a_program(self):
        subprocess.run([sys.executable, "-c", "import time; time.sleep(600)"], check=False)

    def test_selects(self):
        select.select([], [], [])

    def test_waits_for_a_file(self):
        with tempfile.NamedTemporaryFile() as file, Path(file.name).open() as again:
            fcntl.flock(file, fcntl.LOCK_EX)
            fcntl.flock(again, fcntl.LOCK_EX)

    def test_runs_a_loop_of_its_own(self):
        asyncio.run(asyncio.sleep(600))

    def test_computes(self):
        while True:
            pass

    def test_backtracks(self):
        re.match("(a+)+$", "a" * 64 + "b")

    def test_stops_itself(self):
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(600)


@slow
@timeout(0.2)
class DeafTest(SmokeTest):
    """Each hangs where no interrupt comes through, and is killed."""

    def test_queries(self):  # pragma: no cover (killed)
        endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
        sqlite3.connect(":memory:").execute(endless).fetchone()

    def test_hashes(self):  # pragma: no cover (killed)
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)

    def test_ignores_all_signals(self):  # pragma: no cover (killed)
        for number in ALL_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        time.sleep(600)

    def test_blocks_all_signals(self):  # pragma: no cover (killed)
        signal.pthread_sigmask(signal.SIG_BLOCK, ALL_SIGNALS)
        time.sleep(600)

    def test_stops_its_parent(self):  # pragma: no cover (killed)
        os.kill(os.getppid(), signal.SIGSTOP)
        signal.pthread_sigmask(signal.SIG_BLOCK, ALL_SIGNALS)
        time.sleep(600)

    def test_outlives_its_parent(self):  # pragma: no cover (killed)
        (DIRECTORY / "outlives_its_parent").write_text(str(os.getpid()))
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, 0)
        signal.pthread_sigmask(signal.SIG_BLOCK, ALL_SIGNALS)
        os.setpgid(0, os.getpgid(os.getppid()))
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)


@slow
@timeout(0.2)
class LateTest(SmokeTest):
    """Each is reached by no interrupt, and ends in its own time."""

    def test_ignores_the_interrupt(self):
        for number in ALL_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        time.sleep(0.3)

    def test_blocks_the_interrupt(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, ALL_SIGNALS)
        time.sleep(0.3)

    def test_fails(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, ALL_SIGNALS)
        time.sleep(0.3)
        self.fail("what it says comes too late")


@slow
class DeadTest(SmokeTest):
    """Each ends its process."""

    def test_aborts(self):
        os.abort()

    def test_lets_its_alarm_ring(self):
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        time.sleep(600)

    def test_overflows_the_stack(self):
        library = ctypes.CDLL(None)
        compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
        two = (ctypes.c_int * 2)(1, 2)
        sys.setrecursionlimit(10**8)
        nested = compare(lambda _one, _other: library.qsort(two, 2, 4, nested) or 0)
        library.qsort(two, 2, 4, nested)

    def test_closes_all_files_and_hangs(self):
        os.closerange(3, 1024)
        time.sleep(600)

    def test_kills_its_parent(self):
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)


class OwnError(BaseException):
    """No Exception."""


@slow
class RaisingTest(SmokeTest):
    """Each raises what looks like the end of a process and is none."""

    def test_exits_as_if_all_were_well(self):
        sys.exit(0)

    def test_interrupts(self):
        raise KeyboardInterrupt

    def test_ends_a_generator(self):
        raise GeneratorExit

    def test_raises_its_own(self):
        raise OwnError

    def test_stops_iterating(self):
        raise StopIteration

    def test_runs_out_of_memory(self):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**26, resource.RLIM_INFINITY))
        bytearray(2**30)


def start_daemon(name):
    """Start a daemon in the manner of daemons, and write its id to a file."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            (DIRECTORY / f"{name}.new").write_text(str(os.getpid()))
            (DIRECTORY / f"{name}.new").rename(DIRECTORY / name)
            signal.pthread_sigmask(signal.SIG_BLOCK, ALL_SIGNALS)
            time.sleep(600)
        os._exit(0)
    os.wait()
    while not (DIRECTORY / name).exists():
        time.sleep(0.001)


@slow
@timeout(20)
class DaemonTest(SmokeTest):
    """Each starts a process that leaves its group, its session and its parent."""

    def test_passes(self):
        start_daemon("test_passes")

    @timeout(3)
    def test_hangs(self):
        start_daemon("test_hangs")
        time.sleep(600)

    def test_dies(self):
        start_daemon("test_dies")
        os._exit(5)


@slow
class LeavingTest(SmokeTest):
    """Each passes and leaves the process other than it was."""

    def test_directory(self):
        os.chdir("/")

    def test_directory_that_is_gone(self):
        os.chdir(tempfile.mkdtemp(dir=DIRECTORY))
        Path.cwd().rmdir()

    def test_environment(self):
        os.environ["LEFT_BEHIND"] = "1"

    def test_time_zone(self):
        os.environ["TZ"] = "Pacific/Kiritimati"
        time.tzset()

    def test_locale(self):
        locale.setlocale(locale.LC_ALL, "C")

    def test_umask(self):
        os.umask(0o123)

    def test_timer(self):
        signal.setitimer(signal.ITIMER_REAL, 600)

    def test_signal_handler(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def test_blocked_signal(self):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def test_resource_limit(self):
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    def test_resource_limit_for_good(self):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    def test_priority(self):
        os.nice(1)

    def test_path(self):
        sys.path.insert(0, "/nowhere")

    def test_recursion_limit(self):
        sys.setrecursionlimit(12345)

    def test_garbage_collector(self):
        gc.disable()

    def test_socket_timeout(self):
        socket.setdefaulttimeout(12)

    def test_logging(self):
        logging.disable()

    def test_warning_filters(self):
        warnings.filterwarnings("ignore", message="left behind")

    def test_open_files(self):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        with contextlib.suppress(OSError):
            for _ in range(limit):
                os.dup(0)

    def test_thread(self):
        threading.Thread(target=time.sleep, args=(600,), daemon=True).start()

    def test_thread_that_is_no_daemon(self):
        threading.Thread(target=time.sleep, args=(600,)).start()


@slow
class ContextTest(SmokeTest):
    """The first leaves a language; the second must not find it."""

    def test_a_leaves_a_language(self):
        translation.activate("eo")

    def test_b_finds_none_of_it(self):
        self.assertNotEqual(translation.get_language(), "eo")


@slow
class WorkingTest(SmokeTest):
    """What a process of its own must allow."""

    def test_starts_processes(self):
        context = multiprocessing.get_context("fork")
        process = context.Process(target=int)
        process.start()
        process.join()
        self.assertEqual(process.exitcode, 0)

    def test_writes_past_python(self):
        os.write(1, b"written past Python\n")

    def test_passes(self):
        pass
