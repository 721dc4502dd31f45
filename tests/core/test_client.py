"""The console script, before an app that answers as it is told."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace

import pytest

from smoketest.client.main import main
from tests.core.answering import CUT, PENDING, RUN_ID, Answering, Said, problem, report
from tests.servers import ROOT

TOKEN = "a-token-that-nobody-may-see"
WRONG_RELEASE = problem(409, "Wrong Release", "this is release old, not new")
BAD_GATEWAY = Said(status=502, body="<html>Bad Gateway</html>")
TEXT = Said(status=200, body="PASS\ntest classes: 1\n")
TEXT_OF_FAIL = Said(status=500, body="FAIL\ntest classes: 1\n")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    """Set the token, and leave SIGTERM as it was."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setenv("SMOKETEST_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def ask(capsys):
    """Run the script before these answers; returns the exit code, stdout, stderr and the app."""

    def run(*words, answers):
        with Answering(*answers) as app:
            code = main([app.url.replace("slow/", "") if "--nagios" in words else app.url, *words])
        out, err = capsys.readouterr()
        assert TOKEN not in out + err
        return code, out, err, app

    return run


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        ([PENDING, report("PASS"), TEXT], 0),
        ([PENDING, report("FAIL"), TEXT_OF_FAIL], 1),
        ([PENDING, report("CANCELLED"), TEXT_OF_FAIL], 2),
        ([PENDING, report("FAIL", tests_total=0), TEXT_OF_FAIL], 5),
        ([problem(400, "Bad Request")], 2),
        ([problem(400, "Nothing Selected")], 5),
        ([problem(401, "Unauthorized")], 2),
        ([problem(403, "Forbidden")], 2),
        ([problem(405, "Method Not Allowed")], 2),
        ([PENDING, problem(403, "Forbidden")], 2),
        ([PENDING, problem(404, "Not Found")], 2),
        ([PENDING, problem(410, "Gone")], 2),
    ],
)
def test_exit_code(ask, answers, code):
    """Each ending has an exit code of its own, and what will not change is not asked again."""
    found, _, _, app = ask(answers=answers)

    assert found == code
    assert len(app.asked) == len(answers)


@pytest.mark.parametrize(
    ("news", "code"),
    [
        ({"newly_failing_tests": [], "still_failing_tests": ["a"]}, 0),
        ({"newly_failing_tests": ["a"], "still_failing_tests": []}, 1),
        ({}, 1),
    ],
)
def test_only_new(ask, news, code):
    """With --only-new a FAIL without new failures is let pass, but not by an app that tells nothing of it."""
    fail = report("FAIL", tests_passed=0, tests_failed=1, failed_tests=["a"], errored_tests=[], **news)

    found, out, _, app = ask("--only-new", answers=[PENDING, fail, TEXT_OF_FAIL])

    assert (found, out) == (code, TEXT_OF_FAIL.body)
    assert "only_new=1" in app.requests()[0]


def test_only_new__without(ask):
    """Without the option an old failure is a failure."""
    fail = report("FAIL", tests_failed=1, failed_tests=["a"], newly_failing_tests=[], still_failing_tests=["a"])

    found, _, _, app = ask(answers=[PENDING, fail, TEXT_OF_FAIL])

    assert found == 1
    assert "only_new" not in app.requests()[0]


@pytest.mark.parametrize(
    ("answers", "words", "code"),
    [
        ([WRONG_RELEASE], ["--release", "new"], 4),
        ([problem(403, "Forbidden")], ["--release", "new"], 2),
        ([BAD_GATEWAY], [], 2),
        ([CUT], [], 2),
        ([problem(503, "Service Unavailable")], [], 2),
        ([problem(429, "Too Many Requests", Retry_After="1")], [], 2),
    ],
)
def test_exit_code__gave_up_before_a_run(ask, answers, words, code):
    """What may change is asked again until the time for it is over."""
    found, _, err, app = ask(*words, "--wait-for-release", "0.3", answers=answers)

    assert found == code
    assert "gave up" in err
    assert len(app.asked) >= 2


LOGIN = Said(status=200, body="<!DOCTYPE html><title>Log in</title>")
NO_ANSWERS = {
    "a login page": LOGIN,
    "a proxy's page": BAD_GATEWAY,
    "half an answer": Said(status=200, body='{"status": "PASS", "tests_', headers={"Content-Length": "400"}),
    "half of one without a length": Said(status=500, body='{"status": "FAIL", "tests_'),
    "garbage": Said(status=200, body="\0\x01{]"),
    "too deep": Said(status=200, body="[" * 100_000),
    "a list": Said(status=200, body='["PASS"]'),
    "a status of another service": report("OK"),
    "a report of another service": report("PASS", tests_total=None),
    "a problem of another service": Said(status=401, body='{"status": "no", "title": 1, "detail": null}'),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_exit_code__no_answer_of_ours(ask, name):
    """Whoever else answers for the app, that is no verdict."""
    code, out, err, _ = ask("--wait-for-release", "0", answers=[NO_ANSWERS[name]])

    assert (code, out) == (2, "")
    assert "Traceback" not in err


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_exit_code__no_answer_while_it_waits(ask, name):
    """Nor once a run has begun: then it may still come."""
    code, _, err, _ = ask("--timeout", "0.2", answers=[PENDING, NO_ANSWERS[name]])

    assert code == 3
    assert "Traceback" not in err


def test_exit_code__unexpected(ask):
    """An error that nobody has foreseen is no verdict either."""
    fail = report("FAIL", newly_failing_tests=7, compared_with={"release": "r1"})

    code, _, err, _ = ask("--only-new", answers=[fail])

    assert code == 2
    assert "smoketest: could not run: TypeError: " in err


def test_exit_code__no_such_host(capsys):
    """A name that nobody knows is asked for again, and then is no verdict."""
    assert main(["http://app.invalid/smoketest/slow/", "--wait-for-release", "0.1"]) == 2
    assert "gave up: the app does not answer" in capsys.readouterr().err


def test_exit_code__gave_up_waiting(ask):
    """A run that goes on for too long is left to itself, with an exit code of its own."""
    code, out, err, app = ask("--timeout", "0.3", answers=[PENDING])

    assert (code, out) == (3, "")
    assert f"gave up after 0.3 s; run {RUN_ID} goes on" in err
    assert app.requests()[0] == "POST /smoketest/slow/"
    assert len(app.requests()) >= 2


def test_exit_code__app_is_away_until_the_end(ask):
    """An app that does not come back gives no verdict either."""
    code, _, err, _ = ask("--timeout", "0.3", answers=[PENDING, CUT])

    assert code == 3
    assert "gave up: the app does not answer" in err


def test_waits_for_the_release(ask):
    """The run is fired as soon as the app is of the wanted release, whoever answers before that."""
    away = [CUT, BAD_GATEWAY, problem(403, "Forbidden"), WRONG_RELEASE]
    answers = [*away, report("PENDING", release="new"), report("PASS", release="new"), TEXT]

    code, out, err, app = ask("--release", "new", answers=answers)

    assert (code, out) == (0, TEXT.body)
    assert app.requests()[:5] == ["POST /smoketest/slow/?release=new"] * 5
    assert "Wrong Release: this is release old, not new; asking again" in err


def test_other_release__cancelled(ask):
    """A run of another release than the wanted one is no verdict: it is cancelled."""
    code, _, err, app = ask("--release", "new", answers=[report("PENDING", release="old"), report("CANCELLED")])

    assert code == 4
    assert "about another release: old" in err
    assert app.requests()[1] == f"DELETE /smoketest/runs/{RUN_ID}/"


def test_release__not_told(ask):
    """A stranger is not told the release: that the app has taken the order for it is what counts."""
    code, _, _, app = ask("--release", "new", answers=[PENDING, report("PASS"), TEXT])

    assert code == 0
    assert app.requests()[0] == "POST /smoketest/slow/?release=new"


@pytest.mark.parametrize("host", ["app..example", "ünïcode.example/ü"])
def test_host_that_can_not_be(capsys, host):
    """A URL that can't be asked for is told, and never a verdict."""
    assert main([f"http://{host}/slow/", "--wait-for-release", "0"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_fires_once(ask):
    """A start whose answer was lost is asked for again with the same key; another run has another key."""
    answers = [CUT, BAD_GATEWAY, PENDING, report("PASS"), TEXT]

    _, _, _, first = ask(answers=answers)
    _, _, _, second = ask(answers=answers)

    keys = [[each.headers["Idempotency-Key"] for each in app.asked[:3]] for app in (first, second)]
    assert [len(set(each)) for each in keys] == [1, 1]
    assert keys[0][0] != keys[1][0]


def test_follows_through_restarts(ask):
    """Dropped connections, a proxy's own pages and a queue that is away don't end the watch over a run."""
    dropped = [CUT, BAD_GATEWAY, problem(503, "Service Unavailable"), Said(status=200, body="{}"), Said(status=404)]

    code, out, err, app = ask(answers=[PENDING, *dropped, report("PASS"), TEXT])

    assert (code, out) == (0, TEXT.body)
    assert app.requests().count("POST /smoketest/slow/") == 1
    assert "the app answers with HTTP 502; asking again" in err


def test_green_with_another_status(ask):
    """A PASS that does not come with 200 is no verdict: the app is asked again."""
    code, _, _, _ = ask(answers=[PENDING, replace(report("PASS"), status=503), report("FAIL"), TEXT_OF_FAIL])

    assert code == 1


def test_report__asked_until_it_is_there(ask):
    """The report, too, is asked for until the app gives it; a proxy's page is none."""
    code, out, _, _ = ask(answers=[PENDING, report("PASS"), BAD_GATEWAY, CUT, TEXT])

    assert (code, out) == (0, TEXT.body)


def test_report__unknown_format(ask):
    """A format that the app does not know is told, and the verdict stands."""
    unknown = Said(status=400, body="Bad Request: format=pdf is not known\n")

    code, out, err, _ = ask("--format", "pdf", answers=[PENDING, report("PASS"), unknown])

    assert (code, out) == (0, "")
    assert "PASS, but there is no report as pdf: Bad Request: format=pdf is not known" in err


def test_report__formats_and_files(ask, tmp_path):
    """The app renders each report that is wanted, and what is wanted in a file goes there."""
    words = ["--format", "tap", "--output", str(tmp_path / "out.tap"), "--junit", str(tmp_path / "out.xml")]

    code, out, _, app = ask(
        *words, answers=[PENDING, report("PASS"), Said(status=200, body="ok 1\n"), Said(status=200, body="<x/>")]
    )

    assert (code, out) == (0, "")
    assert app.requests()[2:] == [f"GET /smoketest/runs/{RUN_ID}/?format={name}" for name in ("tap", "junit")]
    assert (tmp_path / "out.tap").read_text() == "ok 1\n"
    assert (tmp_path / "out.xml").read_text() == "<x/>"


def test_report__file_is_lost(ask, tmp_path):
    """A report that can't be written any more is told, and the verdict stands."""
    (tmp_path / "folder").mkdir()
    file = tmp_path / "folder" / "out.xml"

    def lose(_):
        file.unlink()
        file.parent.rmdir()
        return report("FAIL")

    code, out, err, _ = ask("--output", str(file), answers=[PENDING, lose, TEXT_OF_FAIL])

    assert (code, out) == (1, "")
    assert "FAIL, but there is no report as text: [Errno 2]" in err


def test_selection(ask):
    """The words that select, and all hosts, go into the query of the start, behind what stands there."""
    words = ["--app", "shop", "--tag", "a b", "--tag", "c&d", "--exclude-tag", "e", "--test", "t", "-k", "k"]

    _, _, _, app = ask(*words, "--hosts", "all", answers=[problem(400, "Nothing Selected")])

    assert app.requests() == [
        "POST /smoketest/slow/?app=shop&tag=a+b&tag=c%26d&exclude_tag=e&test=t&k=k&hosts=all",
    ]


def test_token(ask):
    """The token goes to the app with each request, in the header alone."""
    _, _, _, app = ask(answers=[PENDING, report("PASS"), TEXT])

    assert [each.headers["Authorization"] for each in app.asked] == [f"Bearer {TOKEN}"] * 3
    assert not any(TOKEN in request for request in app.requests())


def test_redirect(ask):
    """A redirect is not followed: it would take the token along."""
    with Answering(TEXT) as other:
        code, _, err, app = ask(answers=[Said(status=302, headers={"Location": other.url})])

    assert (code, len(app.asked), other.asked) == (2, 1, [])
    assert f"the app redirects to {other.url}" in err


@pytest.mark.parametrize(
    ("answers", "code", "line"),
    [
        ([Said(status=200, body="SMOKETEST OK - 3 tests | time=1s\n")], 0, "SMOKETEST OK - 3 tests | time=1s"),
        ([Said(status=500, body="SMOKETEST CRITICAL - 1 failed\nmore\n")], 2, "SMOKETEST CRITICAL - 1 failed"),
        ([Said(status=400, body="SMOKETEST UNKNOWN - Bad Request\n")], 3, "SMOKETEST UNKNOWN - Bad Request"),
        ([Said(status=200, body="welcome")], 3, "SMOKETEST UNKNOWN - the app answers with HTTP 200 and no report"),
        (
            [Said(status=500, body="SMOKETEST OK\n")],
            2,
            "SMOKETEST CRITICAL - the app answers with HTTP 500 and no report",
        ),
        ([BAD_GATEWAY], 2, "SMOKETEST CRITICAL - the app answers with HTTP 502 and no report"),
        ([Said(status=302, headers={"Location": "/login"})], 3, "SMOKETEST UNKNOWN - the app redirects to /login"),
        ([CUT], 2, "SMOKETEST CRITICAL - the app does not answer"),
    ],
)
def test_nagios(ask, answers, code, line):
    """As a Nagios plugin it asks once, prints one line and ends as plugins do."""
    found, out, err, app = ask("--nagios", answers=answers)

    assert (found, out.count("\n"), err) == (code, 1, "")
    assert out.startswith(line)
    assert app.requests() == ["GET /smoketest/?format=nagios"]


@pytest.mark.parametrize("drop", [b" ", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_answer_that_does_not_end(ask, drop):
    """An answer that comes drop by drop is none: the limit is on the whole of it."""

    def drip(app):
        answer = app.asked[-1].wfile
        with suppress(OSError):  # the script has left
            answer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n" if drop == b" " else drop)
            for _ in range(39):
                time.sleep(0.05)
                answer.write(drop)
        return CUT

    code, out, _, _ = ask("--nagios", "--timeout", "0.5", answers=[drip])

    assert code == 2
    assert out == "SMOKETEST CRITICAL - the app does not answer: no whole answer within 0.5 s\n"


def test_answer_in_depth(ask):
    """JSON that no parser follows to its end is no report, as any page of a proxy."""
    code, _, err, _ = ask("--wait-for-release", "0", answers=[Said(status=200, body="[" * 100_000)])

    assert code == 2
    assert "the app answers with HTTP 200" in err


@pytest.mark.parametrize(("words", "code"), [(["--nagios"], 3), ([], 2)])
def test_usage(capsys, words, code):
    """A command line that makes no sense is 2, and UNKNOWN for a monitor."""
    assert main(["ftp://app.example", *words]) == code
    assert "the URL must begin with https:// or http://" in capsys.readouterr().err


def test_stderr__reader_has_left():
    """The exit code is the verdict though nobody reads of the progress any more."""
    source = "import sys; from smoketest.client.main import main; sys.exit(main(sys.argv[1:]))"
    script = 'exec 3>&1; "$0" -c "$1" "$2" 2>&1 >&3 | true; exit ${PIPESTATUS[0]}'
    answers = [PENDING, report("RUNNING"), *[report("RUNNING", tests_passed=0)] * 2, report("PASS"), TEXT]

    with Answering(*answers) as app:
        done = subprocess.run(
            ["/bin/bash", "-c", script, sys.executable, source, app.url],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stdout, done.stderr) == (0, TEXT.body, "")


@pytest.mark.parametrize(
    ("words", "answers"),
    [("", [PENDING, report("FAIL"), TEXT_OF_FAIL]), ("--nagios", [Said(status=500, body="SMOKETEST CRITICAL - FAIL")])],
)
def test_stdout__closed(words, answers):
    """The exit code is the verdict though stdout is closed."""
    source = "import sys; from smoketest.client.main import main; sys.exit(main(sys.argv[1:]))"
    exit_code = 2 if words else 1

    with Answering(*answers) as app:
        url = app.url.replace("slow/", "") if words else app.url
        done = subprocess.run(
            ["/bin/sh", "-c", f'"$0" -c "$1" "$2" {words} >&-', sys.executable, source, url],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )

    assert (done.returncode, "could not run" in done.stderr) == (exit_code, False), done.stderr


def test_nobody_there(capsys):
    """A URL where nothing listens is told as such."""
    with Answering(TEXT) as gone:
        pass

    assert main([gone.url, "--wait-for-release", "0"]) == 2
    assert "Connection refused" in capsys.readouterr().err
