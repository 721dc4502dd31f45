"""`manage.py smoketest` here and now."""

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from django.core.management import call_command, execute_from_command_line

from tests import waiting
from tests.project.shop.models import FooModel
from tests.servers import ROOT, descendants

pytestmark = pytest.mark.usefixtures("_no_orphans")


@pytest.fixture
def folder(tmp_path):
    """Where the tests of the app `waits` meet."""
    path = tmp_path / "waits"
    path.mkdir()
    return path


@pytest.fixture
def start(folder):
    """Start the command on these apps; it is killed in the end."""
    started = []

    def begin(apps, *words, **environment):
        environment = {
            **os.environ,
            "SMOKETEST_TEST_APPS": apps,
            "SMOKETEST_TEST_WAITS": str(folder),
            **environment,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "django", "smoketest", *words],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run(start):
    """Run the command on these apps to its end; returns exit code, stdout and stderr."""

    def finish(*arguments, **environment):
        process = start(*arguments, **environment)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    return finish


@pytest.fixture
def run_in_shell():
    """Run a line of the shell with the command's options; returns exit code and stderr."""

    def finish(apps, words):
        line = f"{shlex.quote(sys.executable)} -m django smoketest {words}"
        environment = {**os.environ, "SMOKETEST_TEST_APPS": apps}
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stderr

    return finish


@pytest.fixture
def _no_orphans():
    """See that the command has left no process behind: none of those that it orphaned lives."""
    before = set(Path("/proc").glob("[0-9]*"))
    yield
    mine = b"SMOKETEST_TEST_DIR=" + os.environ["SMOKETEST_TEST_DIR"].encode()

    def is_left(process):
        with suppress(OSError):
            return process not in before and mine in (process / "environ").read_bytes()
        return False

    waiting.until(lambda: not any(map(is_left, Path("/proc").glob("[0-9]*"))), what="nothing is left")


def outcomes_of(report):
    """Return method -> (outcome, cause) of a report."""
    return {each["id"].rpartition(".")[2]: (each["outcome"], each.get("cause")) for each in report["results"]}


@pytest.mark.parametrize(
    ("apps", "code", "verdict"),
    [("together", 0, "PASS"), ("outcomes", 1, "FAIL"), ("broken_error", 1, "FAIL"), ("empty", 1, "FAIL")],
)
def test_verdict(run, apps, code, verdict):
    """The exit code is the verdict, which is the first word of the report."""
    found, out, err = run(apps)

    assert (found, out.partition("\n")[0]) == (code, verdict), err


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["no.such.test"], "no test matches test=no.such.test"),
        (["--tag"], "argument --tag: expected one argument"),
        (["--format", "pdf"], "invalid choice: 'pdf'"),
        (["--output", "/not/there"], "No such file or directory"),
        (["--parallel", "0"], "'0' is no whole number from 1 on"),
        (["--queue", "--failfast"], "--failfast and --queue don't go together"),
        (["--hosts", "all"], "--hosts is for runs on the queue"),
        (["--timeout", "5"], "--timeout is for runs on the queue"),
        (["--timeout", "0"], "--timeout is for runs on the queue"),
        (["--only-new"], "--only-new is for runs on the queue"),
        (["--queue"], "Redis at 127.0.0.1:1/0 does not answer"),
    ],
)
def test_could_not_run(project, capfd, words, reason):
    """Where there is no verdict the exit code is 2, and stderr tells the reason."""
    project("together")

    with pytest.raises(SystemExit) as ending:
        execute_from_command_line(["manage.py", "smoketest", *words])

    out, err = capfd.readouterr()
    assert (ending.value.code, out) == (2, "")
    assert reason in err


def test_could_not_run__settings(run):
    """Settings that can't be used are no verdict either."""
    code, out, err = run("no_such_app")

    assert (code, out) == (2, "")
    assert "SMOKETEST_APPS" in err
    assert "Traceback" not in err


def test_could_not_run__unexpected(run, tmp_path):
    """Nor is an error that nobody has foreseen: 1 would be one."""
    (tmp_path / "prometheus_client.py").write_text("raise RuntimeError('half installed')")

    code, out, err = run("together", "--format", "openmetrics", PYTHONPATH=str(tmp_path))

    assert (code, out) == (2, "")
    assert err.endswith("CommandError: could not run: RuntimeError: half installed; --traceback tells where\n")


def test_signals(run, tmp_path):
    """The project is told of the run, and of each test as it ends, those too that were not run."""
    run("outcomes", "--failfast", "-k", "EndingsTest.test_f", "-k", "test_skips", SMOKETEST_TEST_HEARD=str(tmp_path))

    first, *tests, last = (tmp_path / "heard").read_text().splitlines()
    assert (first, last) == ("RUNNING  0", "FAIL  3")
    assert [(line.split()[0], line.rpartition(".")[2]) for line in tests] == [
        ("failed", "test_fails"),
        ("errored", "test_fails_as_expected"),
        ("errored", "test_skips"),
    ]


def test_signals__receiver_raises(run, tmp_path):
    """A receiver that raises changes nothing."""
    code, out, _ = run("together", SMOKETEST_TEST_HEARD=str(tmp_path), SMOKETEST_TEST_RECEIVER="raises")

    assert (code, out.partition("\n")[0]) == (0, "PASS")
    assert len((tmp_path / "heard").read_text().splitlines()) == 4


def test_stdout_is_the_report_alone(run):
    """What smoke modules and tests print, past Python too, and the progress are not on stdout."""
    code, out, err = run("waits", "--format", "json", "-k", "NoisyTest")

    assert code == 0
    assert json.loads(out)["tests_passed"] == 1
    assert "printed by a smoke module" in err
    assert "1/1 passed" in err


def test_fast_and_slow(run):
    """The fast tests are run, with --slow the slow ones too."""
    _, fast, _ = run("nested", "--format", "json")
    _, both, _ = run("nested", "--format", "json", "--slow")

    assert json.loads(fast)["tests_run"] < json.loads(both)["tests_run"]
    assert "test_slow_gamma" not in fast
    assert outcomes_of(json.loads(both))["test_slow_gamma"] == ("passed", None)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["tests.project.shop.smoke.TillTest"], {"test_adds_up", "test_prints"}),
        (["--app", "shop", "--tag", "paper"], {"test_prints"}),
        (["--app", "shop", "--exclude-tag", "paper", "-k", "Till"], {"test_adds_up"}),
    ],
)
def test_selection(run, words, names):
    """The words that select are those of the URLs."""
    _, out, _ = run("shop,nested", "--format", "json", *words)

    assert set(outcomes_of(json.loads(out))) == names


def test_limits_are_kept(run):
    """A test that hangs or dies ends with its process, and the others are run."""
    code, out, _ = run("hostile", "--slow", "--parallel", "3", "--format", "json", "-k", "HangTest", "-k", "CrashTest")

    report = json.loads(out)
    assert code == 1
    assert report["tests_run"] == report["tests_total"]
    assert {cause for _, cause in outcomes_of(report).values()} == {"timeout", "crash"}


def test_parallel(run):
    """With --parallel tests run side by side: two that wait for each other meet."""
    code, _, err = run("waits", "--parallel", "2", "-k", "MeetTest")

    assert code == 0, err


def test_parallel__units_stay_together(run):
    """The tests of a class with fixtures are run by one process."""
    _, out, _ = run("together", "--parallel", "2", "--format", "json")

    report = json.loads(out)
    assert report["status"] == "PASS"
    assert len({each["pid"] for each in report["results"]}) == 1


def test_failfast(run):
    """After the first failure nothing more begins, and the report says so of each test."""
    code, out, _ = run("outcomes", "--failfast", "--format", "json", "-k", "EndingsTest.test_f", "-k", "test_skips")

    report = json.loads(out)
    assert code == 1
    assert outcomes_of(report) == {
        "test_fails": ("failed", None),
        "test_fails_as_expected": ("errored", "not_run"),
        "test_skips": ("errored", "not_run"),
    }
    assert report["results"][-1]["message"] == "not run: the run was to end with the first failure"


def test_failfast__a_unit_is_brought_to_its_end(run):
    """A class whose fixtures stand is run to its end, so that they are torn down."""
    _, out, _ = run("fixtures_broken", "--failfast", "--format", "json", "-k", "SetUpClassTest", "-k", "SkippingTest")

    report = json.loads(out)
    assert [each["cause"] for each in report["results"]] == ["exception", "exception", "not_run"]


def test_list(run):
    """All tests are listed with their marks, and none is run."""
    code, out, _ = run("nested,broken_error", "--list")

    assert code == 0
    assert "tests.project.nested.smoke.deep.deeper.gamma.GammaTest.test_slow_gamma  slow, timeout 60 s\n" in out
    assert "tests.project.broken_error.smoke  would not load\n" in out


def test_list__nothing_found(run):
    """Where there is no test the list is empty, and stderr tells."""
    assert run("empty", "--list") == (0, "", "no test was found\n")


def test_output(run, tmp_path):
    """With --output the report goes to a file, and stdout stays empty."""
    code, out, _ = run("together", "--output", str(tmp_path / "report.txt"))

    assert (code, out) == (0, "")
    assert (tmp_path / "report.txt").read_text().startswith("PASS\n")


def test_output__can_not_be_written(run):
    """A file that takes nothing changes no verdict: the report goes to stdout, and stderr tells."""
    code, out, err = run("outcomes", "--output", "/dev/full")

    assert (code, out.partition("\n")[0]) == (1, "FAIL"), err
    assert "FAIL, but /dev/full does not take the report: [Errno 28] No space left on device\n" in err


@pytest.mark.parametrize("apps", ["outcomes", "together"])
def test_output__nor_stdout(run_in_shell, apps):
    """Nor does a stdout that takes nothing."""
    code, err = run_in_shell(apps, "--format json >/dev/full")

    assert code == (1 if apps == "outcomes" else 0), err
    assert "but stdout does not take the report: [Errno 28] No space left on device\n" in err


@pytest.mark.parametrize(("words", "exit_code"), [("", 1), ("--list", 0)])
def test_output__stdout_is_closed(run_in_shell, words, exit_code):
    """Nor does a stdout that is closed change the verdict."""
    code, err = run_in_shell("outcomes", f"{words} >&-")

    assert (code, "could not run" in err) == (exit_code, False), err


@pytest.mark.parametrize("as_type", [str, Path])
def test_output__called_by_code(project, tmp_path, as_type):
    """`call_command` takes a path as a word or as a `Path`, and empties the file as the command line does."""
    project("together")
    file = tmp_path / "report.txt"

    call_command("smoketest", output=as_type(file), stdout=io.StringIO(), stderr=io.StringIO())

    assert file.read_text().startswith("PASS\n")


def test_progress(run):
    """How many tests there are is told before the first has ended, and then how each ended."""
    _, _, err = run("together")

    assert re.sub(r"\d\.\d\d s", "0.05 s", err) == (
        "0 of 2 tests\n"
        "1/2 passed   0.05 s tests.project.together.smoke.TogetherTest.test_a\n"
        "2/2 passed   0.05 s tests.project.together.smoke.TogetherTest.test_b\n"
    )


def test_durations(run):
    """The slowest tests are named on stderr, beside the report."""
    _, out, err = run("together", "--durations", "1")

    assert out.startswith("PASS\n")
    assert len([line for line in err.splitlines() if line.startswith("   0.")]) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_interrupted(start, folder, number):
    """Ctrl-C, and a pipeline's signals, end all that runs; the report says what was not run."""
    process = start("waits", "--slow", "--format", "json", "-k", "GateTest", "-k", "LastTest")
    waiting.until((folder / "arrivals").exists, what="the test has begun")

    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    report = json.loads(out)
    assert (process.returncode, report["status"]) == (130, "CANCELLED"), err
    assert outcomes_of(report) == {
        "test_waits_at_the_gate": ("errored", "not_run"),
        "test_is_last": ("errored", "not_run"),
    }


def test_killed(start, folder):
    """When the command itself is killed, what it runs dies with it."""
    process = start("waits", "--slow", "-k", "GateTest")
    waiting.until((folder / "arrivals").exists, what="the test has begun")

    process.kill()

    assert process.wait() == -signal.SIGKILL


def test_supervisor_killed(start, folder):
    """When the process that supervises a test is killed, that is the test's result, and the run goes on."""
    process = start("waits", "--slow", "--format", "json", "-k", "GateTest", "-k", "LastTest")
    waiting.until((folder / "arrivals").exists, what="the test has begun")

    os.kill(descendants(process.pid)[0], signal.SIGKILL)
    out, _ = process.communicate(timeout=60)

    assert outcomes_of(json.loads(out)) == {
        "test_waits_at_the_gate": ("errored", "crash"),
        "test_is_last": ("passed", None),
    }
    assert json.loads(out)["results"][0]["message"] == "the process that supervised it ended with exit code -9"


def test_rolled_back(run):
    """What the tests write to a database does not stay."""
    _, out, _ = run("writers", "--format", "json", "-k", "test_a_writes_everywhere", "-k", "test_b_finds")

    assert json.loads(out)["tests_passed"] == 2
    assert not FooModel.objects.filter(name="a").exists()
