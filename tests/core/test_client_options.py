"""The command line of the console script."""

import pytest

from smoketest.client.options import parse

URL = "https://app.example/smoketest/slow/"
FAST_URL = "https://app.example/smoketest/"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "required: url"),
        (["app.example/smoketest/slow/"], "must begin with https://"),
        (["https://app.example:x/slow/"], "the URL can't be read"),
        ([FAST_URL], "ends in /slow/"),
        ([URL, "--nagios"], "each look would start a run"),
        (["https://app.example/smoke test/slow/"], "must begin with"),
        (["https://me:hunter2@app.example/slow/"], "a name or a password"),
        ([URL, "--release", ""], "it is empty, perhaps a variable that is not set"),
        ([URL, "--tag", " "], "it is empty"),
        ([URL, "--timeout", "soon"], "'soon' is no number of seconds"),
        ([URL, "--timeout", "nan"], "no number of seconds"),
        ([URL, "--wait-for-release", "-1"], "no number of seconds"),
        ([URL, "--token-env", "NOT_THERE"], "NOT_THERE is not set"),
        ([URL, "--token-env", "ODD"], "characters that no header may hold"),
        ([URL, "--junit", "/not/there.xml"], "No such file or directory"),
        ([URL, "--hosts", "one"], "invalid choice: 'one'"),
        ([URL, "--rel", "x"], "unrecognized arguments: --rel"),
        ([FAST_URL, "--nagios", "--release", "new"], "--release and --nagios don't go together"),
        ([FAST_URL, "--nagios", "--hosts", "all"], "--hosts and --nagios don't go together"),
        ([FAST_URL, "--nagios", "--only-new"], "--only-new and --nagios don't go together"),
    ],
)
def test_refused(capsys, words, complaint):
    """What makes no sense is refused with its reason before anything is asked, and shows no secret."""
    with pytest.raises(SystemExit) as exit_:
        parse(words, {"ODD": "hunter2\nX-Other: 1"})

    err = capsys.readouterr().err
    assert exit_.value.code == 2
    assert complaint in err
    assert "hunter2" not in err


def test_defaults():
    """Little need be said; a token is taken from where it usually stands."""
    options = parse([URL], {"SMOKETEST_TOKEN": " secret\n"})

    assert (options.url, options.token, options.release) == (URL, "secret", "")
    assert (options.release_seconds, options.seconds) == (60.0, 600.0)
    assert "secret" not in repr(options)


def test_timeouts():
    """A monitor is not kept for minutes, and 0 is a time as well."""
    assert parse([FAST_URL, "--nagios"], {}).seconds == 10.0
    assert parse([URL, "--timeout", "0"], {}).seconds == 0.0


def test_output__emptied_first(tmp_path):
    """An old report is gone before anything is asked, so that it is not taken for a new one."""
    old = tmp_path / "out.xml"
    old.write_text("PASS of yesterday")

    parse([URL, "--junit", str(old)], {})

    assert old.read_text() == ""
