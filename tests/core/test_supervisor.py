"""Work in a process of its own: its channel, its deadline, and each way in which it can end."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest

from smoketest.execution.channel import Channel
from smoketest.execution.runner import make_supervisor, run_supervised
from smoketest.execution.session import own_session
from smoketest.execution.starting import fork_warden
from smoketest.execution.supervised import GRACE_SECONDS, LOOK_SECONDS
from smoketest.execution.supervisor import MOST_MESSAGES, Supervisor
from smoketest.execution.warden import INTERRUPT
from smoketest.results import Cause, Outcome
from tests import waiting
from tests.core.making import make_app, make_step, plan_of
from tests.servers import send_signal

TIMED_OUT = (Outcome.ERRORED, Cause.TIMEOUT)
CRASHED = (Outcome.ERRORED, Cause.CRASH)
PASSED = (Outcome.PASSED, None)


def soon():
    return time.monotonic() + 10


# The channel


@pytest.fixture
def ends():
    """Both ends of a channel."""
    to_read, their_write = os.pipe()
    their_read, to_write = os.pipe()
    ends = Channel(to_read, to_write), Channel(their_read, their_write)
    yield ends
    for fd in (to_read, their_write, their_read, to_write):
        with suppress(OSError):
            os.close(fd)


def test_channel_carries_both_ways(ends):
    """What one end sends the other receives, message by message and in order."""
    ours, theirs = ends

    ours.send({"number": 1})
    ours.send({"number": 2, "text": "ü\n\0"})
    theirs.send({"answer": None})

    assert theirs.receive(soon()) == {"number": 1}
    assert theirs.receive(soon()) == {"number": 2, "text": "ü\n\0"}
    assert ours.receive(soon()) == {"answer": None}


def test_channel_carries_large_messages(ends):
    """A message may be far larger than what a pipe holds."""
    ours, theirs = ends
    message = {"text": "x" * 3_000_000}
    sender = threading.Thread(target=ours.send, args=(message,))
    sender.start()

    received = theirs.receive(soon())

    sender.join()
    assert received == message


def test_channel_waits_until(ends):
    """A message that is not there in time is a TimeoutError."""
    ours, _ = ends

    with pytest.raises(TimeoutError):
        ours.receive(time.monotonic() + 0.01)


def test_channel_waits_for_the_whole_message(ends):
    """A message that stops half-way is a TimeoutError too."""
    ours, theirs = ends
    os.write(theirs.fds[1], b"\0\0\0\x10{")

    with pytest.raises(TimeoutError):
        ours.receive(time.monotonic() + 0.01)


def test_channel_takes_what_is_there_already(ends):
    """A message that is there is received, even when the time is over."""
    ours, theirs = ends
    theirs.send({"number": 1})

    assert ours.receive(time.monotonic() - 1) == {"number": 1}


def test_channel_ends(ends):
    """When nobody can send any more that is an EOFError, after all that was sent."""
    ours, theirs = ends
    theirs.send({"number": 1})
    os.close(theirs.fds[1])

    assert ours.receive(soon()) == {"number": 1}
    with pytest.raises(EOFError):
        ours.receive(soon())


def test_channel_ends_amid_a_message(ends):
    """A message that is cut off by its sender's end is an EOFError."""
    ours, theirs = ends
    os.write(theirs.fds[1], b"\0\0")
    os.close(theirs.fds[1])

    with pytest.raises(EOFError):
        ours.receive(soon())


@pytest.mark.parametrize(
    ("written", "what"),
    [
        (b"hello", "a message of 1751477356 bytes"),
        (b"\0\0\0\5hello", "Expecting value"),
        (b"\0\0\0\2\xff\xff", "codec can't decode"),
        (b"\0\0\0\4[{}]", "a message that is no object: list"),
        (b"\0\1\0\0" + 65536 * b"[", "a message that is nested too deeply"),
    ],
)
def test_channel_takes_no_noise(ends, written, what):
    """What is no message is a ValueError that says so, whatever it would have been."""
    ours, theirs = ends
    writer = threading.Thread(target=os.write, args=(theirs.fds[1], written))  # a pipe need not hold all of it
    writer.start()

    with pytest.raises(ValueError, match=what):
        ours.receive(soon())

    writer.join()


def test_channel_without_a_reader(ends):
    """To send when nobody can receive is a BrokenPipeError."""
    ours, theirs = ends
    os.close(theirs.fds[0])

    with pytest.raises(BrokenPipeError):
        ours.send({})


def test_channel_sees_its_peer_die():
    """The death of the other process ends the channel, also where somebody else holds its pipe open."""
    to_read, held_open = os.pipe()
    peer, death = os.pipe()
    os.close(death)

    with closing(Channel(to_read, held_open, peer_fd=peer)) as channel, pytest.raises(EOFError):
        channel.receive(soon())


def test_channel_carries_open_files(tmp_path):
    """Open files go through a socket, and are not inherited by what is executed there."""
    (tmp_path / "file").write_text("in the file")
    ours, theirs = socket.socketpair()
    with ours, theirs, (tmp_path / "file").open() as file:
        Channel(ours.fileno(), ours.fileno()).send_files(file.fileno())

        (received,) = Channel(theirs.fileno(), theirs.fileno()).receive_files(1, soon())

    is_inheritable = os.get_inheritable(received)
    with os.fdopen(received) as file:
        assert (file.read(), is_inheritable) == ("in the file", False)


def test_channel_without_files():
    """When nobody can send files any more that is an EOFError."""
    ours, theirs = socket.socketpair()
    ours.close()

    with theirs, pytest.raises(EOFError):
        Channel(theirs.fileno(), theirs.fileno()).receive_files(1, soon())


# The supervisor


def echo(channel):
    """Answer each message with itself and who answers."""
    while True:
        channel.send({**channel.receive(), "pid": os.getpid()})


def shrug(channel):
    """Take a message and end as it says."""
    os._exit(channel.receive()["code"])


def never(channel):
    """Take a message and answer nothing, not even the interrupt."""
    signal.signal(INTERRUPT, signal.SIG_IGN)
    channel.receive()
    threading.Event().wait()


@pytest.fixture
def supervise():
    """Make a supervisor that is closed at the end."""
    made = []

    def make(serve):
        def tell_and_serve(channel):
            channel.send({})  # it is ready
            serve(channel)

        made.append(Supervisor(lambda: fork_warden(tell_and_serve)))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_files_of_what_did_not_come_up():
    """A process that dies before it is ready leaves no file open, however often that is tried."""

    def die(_channel):
        os._exit(1)

    with closing(Supervisor(lambda: fork_warden(die))) as supervisor:
        refused = [supervisor.ask({}, seconds=10).refusal]
        before = len(list(Path("/proc/self/fd").iterdir()))
        for _ in range(3):
            supervisor.renew()
            supervisor.prepare()
            refused.append(supervisor.ask({}, seconds=10).refusal)
        after = len(list(Path("/proc/self/fd").iterdir()))

    assert set(refused) == {"ChildProcessError: the process did not come up"}
    assert after == before


def test_answer(supervise):
    """A message is answered by another process."""
    ending = supervise(echo).ask({"question": "?"}, seconds=10)

    assert ending.answer["question"] == "?"
    assert ending.answer["pid"] != os.getpid()
    assert (ending.is_timeout, ending.exit_code, ending.stack) == (False, None, "")
    assert ending.seconds > 0


def test_one_process_for_many_messages(supervise):
    """A process that answers is asked again, and after so many messages it counts as old."""
    supervisor = supervise(echo)

    pids = [supervisor.ask({}, seconds=10).answer["pid"] for _ in range(MOST_MESSAGES - 1)]
    was_old = supervisor.is_old
    supervisor.ask({}, seconds=10)

    assert len(set(pids)) == 1
    assert (was_old, supervisor.is_old) == (False, True)


def test_no_process_before_the_first_message(supervise):
    """A supervisor that is not asked anything starts no process."""
    supervisor = supervise(echo)

    assert supervisor._process is None


@pytest.mark.parametrize("code", [0, 1, 3])
def test_exit_code(supervise, code):
    """A process that ends itself is told by its exit code."""
    ending = supervise(shrug).ask({"code": code}, seconds=10)

    assert (ending.answer, ending.exit_code, ending.is_timeout) == (None, code, False)


def test_serve_that_raises(supervise, capfd):
    """An error in the process ends it, told on stderr, and never returns into the code that forked."""

    def broken(channel):
        raise LookupError(channel.receive())

    ending = supervise(broken).ask({"why": "no"}, seconds=10)

    assert ending.exit_code == os.EX_SOFTWARE
    assert "LookupError: {'why': 'no'}" in capfd.readouterr().err


def test_deadline(supervise):
    """A process that does not answer is killed after the time and a grace, and its stack is told."""
    ending = supervise(never).ask({}, seconds=0.05)

    assert (ending.answer, ending.is_timeout, ending.exit_code) == (None, True, None)
    assert ending.seconds >= 0.05 + GRACE_SECONDS
    assert "in never" in ending.stack


def test_interrupt(supervise, monkeypatch):
    """At the deadline the process is interrupted first, and may still answer."""
    monkeypatch.setattr("smoketest.execution.supervised.GRACE_SECONDS", 10)

    def answers_the_interrupt(channel):
        signal.signal(INTERRUPT, lambda *_: channel.send({"was": "interrupted"}))
        channel.receive()
        threading.Event().wait()

    ending = supervise(answers_the_interrupt).ask({}, seconds=0.5)  # in which the handler is set

    assert ending.answer == {"was": "interrupted"}
    assert ending.is_timeout


def test_end_by_the_interrupt(supervise):
    """A process that ends at the interrupt has timed out, it has not crashed."""

    def ends(channel):
        signal.signal(INTERRUPT, lambda *_: os._exit(1))
        channel.receive()
        threading.Event().wait()

    ending = supervise(ends).ask({}, seconds=0.05)

    assert (ending.answer, ending.is_timeout, ending.exit_code) == (None, True, None)


def test_unwanted(supervise):
    """A message whose answer nobody wants is given up soon."""
    ending = supervise(never).ask({}, seconds=10, is_wanted=lambda: False)

    assert (ending.answer, ending.is_unwanted, ending.is_timeout) == (None, True, False)
    assert ending.seconds < LOOK_SECONDS


@pytest.mark.parametrize("seconds", [LOOK_SECONDS, LOOK_SECONDS + 0.04])
def test_nothing_is_asked_near_the_deadline(supervise, seconds):
    """Whoever is asked may need a while, so that the deadline would not be kept: then nobody is asked."""
    asked = []

    ending = supervise(never).ask({}, seconds=seconds, is_wanted=lambda: asked.append(1))

    assert (ending.is_timeout, asked) == (True, [])


def test_answer_after_a_timeout_is_nobodys(supervise):
    """A process that was late is not asked again, so that its late answer is never taken for another's."""

    def late(channel):
        signal.signal(INTERRUPT, lambda *_: None)
        channel.receive()
        threading.Event().wait(0.1)
        channel.send({"pid": os.getpid()})
        echo(channel)

    supervisor = supervise(late)
    first = supervisor.ask({}, seconds=0.05)

    again = supervisor.ask({}, seconds=10)

    assert first.is_timeout
    assert again.answer["pid"] != first.answer["pid"]


def test_large_answer(supervise):
    """An answer may be far larger than what a pipe holds."""

    def talkative(channel):
        channel.receive()
        channel.send({"text": "x" * 3_000_000})
        channel.receive()

    ending = supervise(talkative).ask({}, seconds=10)

    assert len(ending.answer["text"]) == 3_000_000


def test_next_message_after_an_end(supervise):
    """After a process has ended, the next message is answered by a new one."""

    def once(channel):
        channel.receive()
        channel.send({"pid": os.getpid()})
        os._exit(channel.receive()["code"])

    supervisor = supervise(once)
    first = supervisor.ask({}, seconds=10)
    supervisor.ask({"code": 1}, seconds=10)

    again = supervisor.ask({}, seconds=10)

    assert first.answer["pid"] != again.answer["pid"]


def test_process_that_died_while_idle(supervise):
    """A process that has died since its last answer is replaced: the next message did nothing to it."""
    supervisor = supervise(echo)
    pid = supervisor.ask({}, seconds=10).answer["pid"]
    os.kill(pid, signal.SIGKILL)
    waiting.until(lambda: is_gone(pid), what="it is dead")

    supervisor.prepare()
    ending = supervisor.ask({}, seconds=10)

    assert ending.answer["pid"] != pid


def test_process_and_warden_that_died_while_idle(supervise):
    """Where the warden has died too, another one starts the next process."""
    supervisor = supervise(echo)
    pid = supervisor.ask({}, seconds=10).answer["pid"]
    os.kill(supervisor._warden._pid, signal.SIGKILL)
    waiting.until(lambda: is_gone(pid), what="both are dead")

    supervisor.prepare()
    ending = supervisor.ask({}, seconds=10)

    assert ending.answer["pid"] != pid


def test_process_that_spoke_unasked(supervise):
    """A process from which something has come that nobody asked for is replaced: the next answer is no earlier one."""

    def says_more(channel):
        channel.send({**channel.receive(), "pid": os.getpid()})
        channel.send({"answer": "to nothing"})
        channel.receive()

    supervisor = supervise(says_more)
    pid = supervisor.ask({}, seconds=10).answer["pid"]
    waiting.until(lambda: not supervisor._process.is_fit, what="it has said more")

    supervisor.prepare()
    ending = supervisor.ask({"number": 2}, seconds=10)

    assert ending.answer["number"] == 2
    assert ending.answer["pid"] != pid


def test_close_ends_the_process(supervise):
    """Closing a supervisor ends its process and may be repeated."""
    supervisor = supervise(echo)
    pid = supervisor.ask({}, seconds=10).answer["pid"]

    supervisor.close()
    supervisor.close()

    assert is_gone(pid)


def test_orphans_are_reaped(supervise):
    """A process that has lost its parent and has ended is no zombie for as long as the test's process lives."""

    def orphans(channel):
        while True:
            channel.receive()
            to_read, to_write = os.pipe()
            if not os.fork():
                if orphan := os.fork():
                    os.write(to_write, str(orphan).encode())
                os._exit(0)
            os.wait()
            channel.send({"orphan": int(os.read(to_read, 100)), "pid": os.getpid()})

    supervisor = supervise(orphans)
    answers = [supervisor.ask({}, seconds=10).answer for _ in range(3)]

    waiting.until(lambda: not {each["orphan"] for each in answers} & states().keys(), what="all are gone", seconds=10)
    assert supervisor.ask({}, seconds=10).answer["pid"] == answers[0]["pid"]


class Stranger:
    """A process that is not this one's child."""

    def __init__(self):
        command = ["sh", "-c", "sleep 600 > /dev/null 2>&1 & echo $!"]
        self.pid = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
        self._fd = os.pidfd_open(self.pid)

    def lives_on(self):
        """Tell whether it lives, and does not die within a moment."""
        return not select.select([self._fd], [], [], 0.1)[0]

    def close(self):
        send_signal(signal.SIGKILL, [self.pid])
        os.close(self._fd)


@pytest.fixture
def stranger():
    """A stranger that lives."""
    with closing(Stranger()) as stranger:
        yield stranger


def reap_and_give_id_to(stranger, warden):
    """Let the warden end, be reaped by somebody else, and its id be another process'."""
    os.kill(warden._pid, signal.SIGKILL)
    os.waitpid(warden._pid, 0)
    warden._pid = stranger.pid


def test_close_ends_no_stranger(supervise, stranger):
    """Where the project has had the warden reaped, whoever has its id now is left alone."""
    supervisor = supervise(echo)
    supervisor.ask({}, seconds=10)
    reap_and_give_id_to(stranger, supervisor._warden)

    supervisor.close()

    assert stranger.lives_on()


def test_close_ends_no_stranger__no_descriptors(supervise, stranger, monkeypatch):
    """So it is where the system has no descriptors of processes."""
    monkeypatch.delattr(os, "pidfd_open")
    supervisor = supervise(echo)
    supervisor.ask({}, seconds=10)
    reap_and_give_id_to(stranger, supervisor._warden)

    supervisor.close()

    assert stranger.lives_on()


def test_process_has_only_its_own_files(supervise, tmp_path):
    """The process has the standard streams, its channel, and a file for the stacks; no file of its parent's."""

    def open_files(channel):
        channel.receive()
        channel.send({"files": [str(path.resolve()) for path in Path("/proc/self/fd").iterdir() if int(path.name) > 2]})
        channel.receive()

    with (tmp_path / "file").open("w"), socket.socket():
        ending = supervise(open_files).ask({}, seconds=10)

    files = [name for name in ending.answer["files"] if not name.startswith("/proc/self/fd/")]
    assert str(tmp_path / "file") not in files
    assert [name for name in files if "socket:" in name] == []
    assert len([name for name in files if "pipe:" in name]) == 2


def test_no_disk(supervise, monkeypatch):
    """Where no file can be made on a disk the process is there all the same, and tells its stack when it is killed."""
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")

    ending = supervise(never).ask({}, seconds=0.05)

    assert (ending.refusal, ending.is_timeout) == ("", True)
    assert "in never" in ending.stack


def test_process_has_no_input(supervise):
    """To read from the standard input answers its end, for whatever the process starts too."""

    def reads(channel):
        channel.receive()
        channel.send({"ours": sys.stdin.read(), "fd": str(Path("/proc/self/fd/0").resolve())})
        channel.receive()

    ours, theirs = os.pipe()
    stdin = os.dup(0)
    os.dup2(ours, 0)
    ending = supervise(reads).ask({}, seconds=10)
    os.dup2(stdin, 0)
    [os.close(fd) for fd in (ours, theirs, stdin)]

    assert ending.answer == {"ours": "", "fd": "/dev/null"}


def test_process_has_its_own_group_and_signals(supervise):
    """The process leads its own group, and has none of its parent's signal handlers."""

    def tell(channel):
        channel.receive()
        channel.send(
            {
                "leads": os.getpgid(0) == os.getpid(),
                "handler": signal.getsignal(signal.SIGUSR1) == signal.SIG_DFL,
                "pipe": signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN,
                "masked": bool(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
            }
        )
        channel.receive()

    before = signal.signal(signal.SIGUSR1, lambda *_: None)
    ending = supervise(tell).ask({}, seconds=10)
    signal.signal(signal.SIGUSR1, before)

    assert ending.answer == {"leads": True, "handler": True, "pipe": True, "masked": False}


def test_standard_streams_go_on(supervise, capfd):
    """What the process prints goes to the standard streams of its parent, once."""

    def talk(channel):
        sys.stdout.write(f"out {channel.receive()['word']}\n")
        sys.stderr.write("err\n")
        channel.send({})
        channel.receive()

    sys.stdout.write("buffered before the fork\n")
    supervise(talk).ask({"word": "there"}, seconds=10)

    output = capfd.readouterr()
    assert "out there\n" in output.out
    assert "err\n" in output.err
    assert output.out.count("buffered before the fork") == 1


# The runner


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"result": None, "is_spent": False},
        {"result": {"id": "a", "outcome": "none"}, "is_spent": False},
        {"result": {"outcome": "passed"}, "is_spent": False},
        {"result": {"id": "a", "outcome": "passed"}},
    ],
)
def test_answer_that_is_none(supervise, answer):
    """A message that no runner has sent is no result: the test has crashed, and the next one has another process."""

    def scribble(channel):
        while True:
            channel.receive()
            channel.send(answer)

    supervisor = supervise(scribble)

    result = run_supervised(make_step("a"), supervisor)

    assert (result.outcome, result.cause) == CRASHED
    assert result.message.startswith("its process could not be used: ")
    assert supervisor._process.messages == 0  # another one


@pytest.fixture(scope="module")
def hostile():
    """The steps of the hostile tests by `Class.method`, and the classes."""
    found, plan = plan_of(make_app("hostile"))
    return {step.id.partition(".smoke.")[2]: step for step in plan.steps}, found.classes


@pytest.fixture
def supervisor(hostile):
    """A supervisor of tests."""
    _, classes = hostile
    with closing(make_supervisor(lambda: own_session(classes))) as supervisor:
        yield supervisor


@pytest.fixture
def run(hostile, supervisor):
    """Run a hostile test in the supervised process and return its result."""
    steps, _ = hostile
    return lambda name, **values: run_supervised(replace(steps[name], **values), supervisor)


def pid_of(supervisor):
    return supervisor._process._pid


def states():
    """Return the state and the process group of all processes, by id."""
    found = {}
    for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 (a glob may raise when one ends)
        with suppress(FileNotFoundError, ProcessLookupError):
            state, _, group, *_ = Path("/proc", process, "stat").read_text().rpartition(")")[2].split()
            found[int(process)] = (state, int(group))
    return found


def is_gone(pid):
    return states().get(pid, "Z")[0] == "Z"


def living_in_group(group):
    return [pid for pid, (state, its_group) in states().items() if its_group == group and state != "Z"]


def test_passing_test(run):
    """A test that passes is answered from the runner's process."""
    result = run("LeftoverTest.test_f_is_clean")

    assert (result.outcome, result.cause) == PASSED
    assert result.pid != os.getpid()


@pytest.mark.parametrize("name", ["test_sleeps", "test_swallows_exceptions", "test_leaves_a_process"])
def test_soft_interrupt(run, name):
    """At its limit a test is interrupted, past any `except Exception`, and told with where it hung."""
    result = run(f"HangTest.{name}")

    assert (result.outcome, result.cause) == TIMED_OUT
    assert result.message == "TimeLimitExceeded: timed out after 0.5 s"
    assert f"in {name}" in result.traceback
    assert "time.sleep(600)" in result.traceback
    assert result.pid is not None


def test_traceback_of_a_timeout_is_the_tests_own(run):
    """The traceback of a timeout holds no frame of a harness."""
    result = run("HangTest.test_sleeps", timeout_seconds=0.2)

    assert "smoketest/execution" not in result.traceback
    assert "/unittest/" not in result.traceback


def test_interrupt_that_was_swallowed(run):
    """A test that swallows the interrupt and passes is timed out all the same."""
    result = run("HangTest.test_passes_too_late")

    assert (result.outcome, result.cause) == TIMED_OUT
    assert result.message == "timed out after 0.5 s; it went on in spite of the interrupt"


def test_deaf_test_is_killed(run):
    """A test that swallows everything is killed after a grace, and told with where it was."""
    result = run("HangTest.test_swallows_everything", timeout_seconds=0.2)

    assert (result.outcome, result.cause) == TIMED_OUT
    assert result.message == ("timed out after 0.2 s; it did not heed the interrupt, so its process was killed")
    assert "in test_swallows_everything" in result.traceback
    assert result.duration_seconds >= 0.2 + GRACE_SECONDS


def test_test_that_holds_the_interpreter_is_killed(run):
    """A test inside C code that never lets the interpreter go is killed and told with where it was."""
    result = run("HangTest.test_holds_the_interpreter", timeout_seconds=0.2)

    assert (result.outcome, result.cause) == TIMED_OUT
    assert "in test_holds_the_interpreter" in result.traceback


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("test_exits_at_once", "its process ended itself with exit code 3"),
        ("test_exits_as_if_all_were_well", "its process ended itself with exit code 0"),
        ("test_segfaults", "its process was ended by signal SIGSEGV"),
        ("test_kills_itself", "its process was ended by signal SIGKILL"),
        ("test_dies_while_its_child_lives", "its process ended itself with exit code 4"),
    ],
)
def test_crash(run, name, message):
    """A test whose process dies is told with how it died."""
    result = run(f"CrashTest.{name}")

    assert (result.outcome, result.cause) == CRASHED
    assert result.message == message


def test_signal_without_a_name(run):
    """A process that is ended by a real-time signal is told with its number."""
    result = run("CrashTest.test_ends_by_a_signal_without_a_name")

    assert (result.outcome, result.cause) == CRASHED
    assert re.search(rf"signal .*{signal.SIGRTMIN + 1}", result.message)


def test_test_that_closes_all_files(run):
    """A test that closes the runner's channel is errored as a crash."""
    result = run("CrashTest.test_closes_all_files")

    assert (result.outcome, result.cause) == CRASHED


@pytest.mark.parametrize(
    "name",
    [
        "HangTest.test_sleeps",
        "CrashTest.test_exits_at_once",
        "CrashTest.test_segfaults",
        "CrashTest.test_closes_all_files",
        "LeftoverTest.test_c_fork_comes_back",
        "LeftoverTest.test_d_exits",
        "LeftoverTest.test_e_runs_out_of_memory",
    ],
)
def test_next_test_is_clean(run, name):
    """However a test ends, the next one runs and passes."""
    run(name, timeout_seconds=0.2)

    result = run("LeftoverTest.test_f_is_clean")

    assert (result.outcome, result.cause) == PASSED


@pytest.mark.parametrize(
    ("name", "message"),
    [("test_d_exits", "SystemExit: 7"), ("test_e_runs_out_of_memory", "MemoryError")],
)
def test_exit_is_an_exception(run, supervisor, name, message):
    """What only looks like the end of a process is its test's exception, and the runner lives on."""
    before = run("LeftoverTest.test_f_is_clean").pid

    result = run(f"LeftoverTest.{name}")

    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.EXCEPTION)
    assert result.message == message
    assert result.pid == before == pid_of(supervisor)


def test_directory_and_environment_are_put_back(run):
    """The directory and the environment that a test leaves are not the next one's, in the same process."""
    first = run("LeftoverTest.test_a_leaves_directory_and_environment")

    result = run("LeftoverTest.test_b_finds_none_of_it")

    assert (result.outcome, result.message) == (Outcome.PASSED, "")
    assert result.pid == first.pid


def test_fork_that_comes_back(run, supervisor):
    """A process that a test has forked and that returns from it answers nothing and ends."""
    result = run("LeftoverTest.test_c_fork_comes_back")

    runner = pid_of(supervisor)
    assert (result.outcome, result.pid) == (Outcome.PASSED, runner)
    waiting.until(lambda: living_in_group(runner) == [runner], what="the fork has ended")
    assert run("LeftoverTest.test_f_is_clean").pid == runner


@pytest.mark.parametrize("name", ["HangTest.test_leaves_a_process", "CrashTest.test_dies_while_its_child_lives"])
def test_what_a_test_has_started_goes_with_it(run, name):
    """The processes that a test has started are ended with the runner."""
    runner = run("LeftoverTest.test_f_is_clean").pid

    run(name, timeout_seconds=0.2)

    waiting.until(lambda: not living_in_group(runner), what="the process group is gone")


def test_no_files_are_left_open(run):
    """However many runners have come and gone, this process has as many files open as before."""
    run("CrashTest.test_exits_at_once")
    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 (names, not paths)

    results = [run("CrashTest.test_exits_at_once") for _ in range(30)]

    assert {result.message for result in results} == {"its process ended itself with exit code 3"}
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_no_zombies_are_left(run):
    """A runner that has ended is waited for."""
    runner = run("LeftoverTest.test_f_is_clean").pid

    run("CrashTest.test_segfaults")

    assert runner not in states()


def test_runner_dies_with_its_parent():
    """When the supervising process is killed, its runner dies at once, amid a test too."""
    source = """
        import os, time
        from contextlib import nullcontext
        from smoketest.execution.runner import make_supervisor, run_supervised
        from smoketest.results import Step

        def execute(step):
            print(os.getpid(), flush=True)
            time.sleep(600)

        supervisor = make_supervisor(lambda: nullcontext(execute))
        run_supervised(Step(id="a", test_class="", timeout_seconds=600), supervisor)
    """
    parent = subprocess.Popen([sys.executable, "-c", dedent(source)], stdout=subprocess.PIPE, text=True)
    runner = int(parent.stdout.readline())
    was_alive = not is_gone(runner)

    parent.kill()
    parent.wait()

    parent.stdout.close()
    assert was_alive
    waiting.until(lambda: is_gone(runner), what="the runner is gone")
