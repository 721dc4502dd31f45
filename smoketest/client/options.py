"""What the console script is asked to do."""

import argparse
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from smoketest.report.output import file_option

_DEFAULT_TOKEN_VARIABLE = "SMOKETEST_TOKEN"  # noqa: S105 (a name)
_RUN_SECONDS = 600.0
_CHECK_SECONDS = 10.0
_EXIT_CODES = (
    "Exit status: 0 PASS, 1 FAIL, 2 could not run, 3 gave up waiting, 4 wrong release, 5 no tests, 130 Ctrl-C. "
    "With --nagios: 0 OK, 2 CRITICAL, 3 UNKNOWN."
)
_SELECTION = {
    "--app": "tests of this app",
    "--tag": "tests with this tag",
    "--exclude-tag": "no tests with this tag",
    "--test": "the test with this id, or those whose ids begin so up to a dot",
    "-k": "tests whose ids contain this",
}
_NOT_FOR_PLUGINS = ("release", "junit", "only_new", "cancel_on_interrupt", "hosts")
"""Options that mean nothing to a look at the fast tests; left out in silence they would be taken for checked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The command line, and what of the environment it names."""

    url: str
    """With the selection in its query."""
    token: str = field(default="", repr=False)
    ca_file: str | None = None
    release: str = ""
    release_seconds: float = 60.0
    """How long the app may take to be there, of the right release."""
    seconds: float = _RUN_SECONDS
    format: str = "text"
    output: Path | None = None
    junit: Path | None = None
    cancels: bool = False
    """Whether Ctrl-C ends the run too."""
    only_new: bool = False
    """Whether failures of the release before don't count."""
    is_plugin: bool = False


def parse(words: Sequence[str], environ: Mapping[str, str]) -> Options:
    """Return the options; exits with 2 where they make no sense."""
    parser = _make_parser()
    given = parser.parse_args(words)
    _check_url(given, parser)
    unfit = [name for name in _NOT_FOR_PLUGINS if given.nagios and getattr(given, name)]
    if unfit:
        parser.error(f"--{unfit[0].replace('_', '-')} and --nagios don't go together")
    return Options(
        url=_with_selection(given),
        token=_token(given, environ, parser),
        ca_file=given.ca_file,
        release=given.release or "",
        release_seconds=given.wait_for_release,
        seconds=(_CHECK_SECONDS if given.nagios else _RUN_SECONDS) if given.timeout is None else given.timeout,
        format=given.format,
        output=given.output,
        junit=given.junit,
        cancels=given.cancel_on_interrupt,
        only_new=given.only_new,
        is_plugin=given.nagios,
    )


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="smoketest",
        description="Have a deployed app run its smoke tests, wait for the verdict, print the report.",
        epilog=_EXIT_CODES,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("url", help="of the slow runs: https://app.example/smoketest/slow/; with --nagios of the fast tests")
    add("--token-env", metavar="NAME", help=f"variable that holds the token; default {_DEFAULT_TOKEN_VARIABLE}")
    add("--ca-file", metavar="FILE", help="trust the certificates that these authorities sign")
    add("--release", type=_text, metavar="NAME", help="accept a verdict on this release only")
    add("--wait-for-release", type=_seconds, default=60.0, metavar="SECONDS", help="until the app is there; default 60")
    add("--timeout", type=_seconds, metavar="SECONDS", help=f"until the verdict; default {_RUN_SECONDS:g}")
    add("--format", type=_text, default="text", metavar="NAME", help="of the report, one that the app knows")
    add("--output", type=file_option, metavar="FILE", help="the report goes there, not to stdout")
    add("--junit", type=file_option, metavar="FILE", help="the report as JUnit XML goes there too")
    add("--cancel-on-interrupt", action="store_true", help="Ctrl-C, or SIGTERM, ends the run too")
    add("--only-new", action="store_true", help="let failures pass that the release before had too")
    add("--nagios", action="store_true", help="be a Nagios plugin that checks the fast tests")
    add("--hosts", choices=["all"], help="on all: the run takes place on each live worker host")
    for flag, what in _SELECTION.items():
        add(flag, action="append", default=[], type=_text, metavar="WORD", help=f"{what}; may be repeated")
    return parser


def _check_url(given: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    try:
        parts = urlsplit(given.url)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parser.error("the URL can't be read")
    if not is_web or not given.url.isprintable() or " " in given.url:
        parser.error("the URL must begin with https:// or http:// and a host")
    if "@" in parts.netloc:
        parser.error("the URL holds a name or a password, which end in logs; use --token-env")
    is_slow = parts.path.endswith("/slow/")
    if not given.nagios and not is_slow:
        parser.error("the URL must be that of the slow runs, which ends in /slow/, unless --nagios is given")
    if given.nagios and is_slow:
        parser.error("with --nagios the URL must be that of the fast tests: with this one each look would start a run")


def _with_selection(given: argparse.Namespace) -> str:
    words = [(name, word) for name in ("app", "tag", "exclude_tag", "test", "k") for word in getattr(given, name)]
    if given.only_new:
        words.append(("only_new", "1"))
    if given.hosts:
        words.append(("hosts", given.hosts))
    parts = urlsplit(str(given.url))
    return parts._replace(query="&".join(filter(None, (parts.query, urlencode(words)))), fragment="").geturl()


def _token(given: argparse.Namespace, environ: Mapping[str, str], parser: argparse.ArgumentParser) -> str:
    name = given.token_env or _DEFAULT_TOKEN_VARIABLE
    token = environ.get(name, "").strip()
    if given.token_env and not token:
        parser.error(f"there is no token: {name} is not set in the environment, or is empty")
    if not (token.isascii() and token.isprintable()):
        parser.error(f"the token in {name} holds characters that no header may hold")
    return token


def _text(word: str) -> str:
    if not word.strip():
        message = "it is empty, perhaps a variable that is not set"
        raise argparse.ArgumentTypeError(message)
    return word


def _seconds(word: str) -> float:
    try:
        seconds = float(word)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        message = f"{word!r} is no number of seconds"
        raise argparse.ArgumentTypeError(message)
    return seconds
