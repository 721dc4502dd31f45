"""What the commands write beside the formats: the list of tests, the slowest ones, and where a report goes."""

import io
import subprocess
import sys

import pytest

from smoketest.report import durations, listing, output
from smoketest.results import Cause, Outcome, Plan
from tests.core.finished import REPORT
from tests.core.making import make_result, make_step
from tests.servers import ROOT


def test_listing():
    """Each test is a line: its id, then its marks."""
    broken = make_result("mail.smoke", Outcome.ERRORED, cause=Cause.IMPORT)
    plan = Plan(
        steps=(
            make_step("mail.smoke"),
            make_step("shop.smoke.CartTest.test_adds"),
            make_step(
                "shop.smoke.CartTest.test_pays",
                is_slow=True,
                is_rolled_back=False,
                tags=("money", "net"),
                timeout_seconds=2.5,
            ),
        ),
        known={broken.id: broken},
    )

    assert listing.render(plan) == (
        "mail.smoke  would not load\n"
        "shop.smoke.CartTest.test_adds  timeout 5 s\n"
        "shop.smoke.CartTest.test_pays  slow, timeout 2.5 s, tags money net, commits\n"
    )


def test_durations():
    """The slowest tests come first, and no more than were asked for."""
    assert durations.render(REPORT, 2) == (
        "   5.000 s shop.smoke.CartTest.test_hangs\n   0.125 s shop.smoke.CartTest.test_pays\n"
    )
    assert durations.render(REPORT, 0) == ""


def test_output__encoding():
    """A character that the encoding does not have is spelt out, and the rest of the report is there."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")

    output.write("PASS ü\n", stream)

    assert raw.getvalue() == b"PASS \\xfc\n"


def test_output__reader_has_left():
    """Writing to a pipe that nobody reads is no error, and none at the process' end."""
    source = (
        "import os, sys; from smoketest.report import output; read, write = os.pipe(); os.dup2(write, 1);"
        "os.close(write); os.close(read); output.write('FAIL ' * 20000, sys.stdout); sys.exit(3)"
    )

    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (3, "")


def test_output__closed(capfd):
    """A stdout that was closed before the process began takes the report to nowhere."""
    output.write("PASS", None)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("redirection", ["2>&1 >&3 | true", "2>/dev/full", "2>&-"])
def test_stderr__nobody_reads_it(redirection):
    """Progress that can't be written changes neither the report nor the exit code."""
    source = (
        "import sys; from smoketest.report import output\n"
        "with output.lasting_stderr():\n"
        "    for number in range(1000): print('x' * 100, file=sys.stderr, flush=True)\n"
        "    output.write('PASS', sys.stdout)\n"
        "sys.exit(7)"
    )
    script = f'exec 3>&1; "$0" -c "$1" {redirection}; exit ${{PIPESTATUS[0]}}'

    done = subprocess.run(
        ["/bin/bash", "-c", script, sys.executable, source], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout, done.stderr) == (7, "PASS", "")
