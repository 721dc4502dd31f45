"""`manage.py smoketest`: runs smoke tests here and now, or starts a run on the queue and waits for its end."""

import signal
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from smoketest import conf, own_secrets, runs
from smoketest.errors import SmokeTestError
from smoketest.planning import plan_of
from smoketest.progress.display import open_display
from smoketest.report import durations, listing, only_new, output
from smoketest.report.formats import FORMATS
from smoketest.report.json import as_dict
from smoketest.report.summary import Report
from smoketest.results import Status
from smoketest.suite.plan import Order, Selection

_EXIT_CODES = {Status.PASS: 0, Status.FAIL: 1, Status.CANCELLED: 2, Status.PENDING: 3, Status.RUNNING: 3}
_COULD_NOT_RUN = 2
_INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""
_ONLY_HERE = ("parallel", "failfast", "list")
"""Options that mean nothing to a run on the queue."""
_ONLY_QUEUED = ("hosts", "only_new", "timeout")
"""Options that mean something only there."""
_QUEUED_SECONDS = 600.0
_SELECTION = {
    "app": ("--app", "tests of this app"),
    "tag": ("--tag", "tests with this tag"),
    "exclude_tag": ("--exclude-tag", "no tests with this tag"),
    "k": ("-k", "tests whose ids contain this"),
}


class Command(BaseCommand):
    """Prints the report, and nothing else, to stdout; progress and complaints go to stderr."""

    help = (
        "Run the fast smoke tests, with --slow all of them, each in a process of its own that is killed at the "
        "test's limit. Exit status: 0 PASS, 1 FAIL, 2 could not run, 3 gave up waiting."
    )
    requires_system_checks = ()  # one that fails would exit with 1, which is a verdict here

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options; the words that select are those of the URLs."""
        parser.add_argument("test", nargs="*", help="id of a test, or what ids begin with up to a dot")
        for name, (flag, what) in _SELECTION.items():
            parser.add_argument(
                flag, dest=name, action="append", default=[], metavar="WORD", help=f"{what}; may be repeated"
            )
        parser.add_argument("--slow", action="store_true", help="the slow tests too")
        parser.add_argument("--parallel", type=_whole, metavar="N", help="tests at once; default 1")
        parser.add_argument("--failfast", action="store_true", help="begin nothing more after the first failure")
        parser.add_argument("--list", action="store_true", help="list all tests with their marks, and run none")
        parser.add_argument("--format", choices=list(FORMATS), default="text")
        parser.add_argument("--output", metavar="FILE", help="the report goes there, not to stdout")
        parser.add_argument("--durations", type=_whole, metavar="N", help="name the N slowest tests on stderr")
        parser.add_argument("--queue", action="store_true", help="let the workers run all tests, and wait for the end")
        parser.add_argument("--hosts", choices=["all"], help="with --queue: on each live worker host")
        parser.add_argument("--only-new", action="store_true", help="with --queue: let old failures pass")
        parser.add_argument(
            "--timeout", type=float, metavar="SECONDS", help=f"how long --queue waits; default {_QUEUED_SECONDS:g}"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run, print the report, and exit with its verdict."""
        try:
            with _taken_for_ctrl_c(signal.SIGTERM, signal.SIGHUP), output.lasting_stderr():
                exit_code = self._handle(options)
        except (SmokeTestError, ImproperlyConfigured, OSError) as error:
            raise CommandError(own_secrets.scrubber().text(str(error)), returncode=_COULD_NOT_RUN) from error
        except CommandError:
            raise
        except Exception as error:  # what it would exit with otherwise is a verdict
            told = own_secrets.scrubber().text(f"{type(error).__name__}: {error}")
            message = f"could not run: {told}; --traceback tells where"
            raise CommandError(message, returncode=_COULD_NOT_RUN) from error
        except KeyboardInterrupt:
            message = "interrupted before anything ran"
            raise CommandError(message, returncode=_INTERRUPTED) from None
        if exit_code:
            sys.exit(exit_code)

    def _handle(self, options: Mapping[str, Any]) -> int:
        _check(options)
        settings = conf.current()
        file = output.emptied_file(options["output"]) if options["output"] else None
        selection = Selection(**{name: tuple(options[name]) for name in Selection.__slots__})
        if options["list"]:
            _list(selection, settings, file or self.stdout)
            return 0
        report, is_interrupted = _run(selection, settings, options)
        self._write(FORMATS[options["format"]].render(report), report.status, file)
        sys.stderr.write(durations.render(report, options["durations"] or 0))
        if is_interrupted:
            return _INTERRUPTED
        if options["only_new"] and report.status.is_finished:
            values = as_dict(report)
            sys.stderr.write(f"{only_new.what_counts(values)}\n")
            return 0 if only_new.has_only_old_failures(values) else _EXIT_CODES[report.status]
        return _EXIT_CODES[report.status]

    def _write(self, text: str, status: Status, file: Path | None) -> None:
        """Write the report, to stdout where its file takes nothing; the verdict stands even if that can't be done."""
        try:
            output.write(text, file or self.stdout)
        except OSError as error:
            sys.stderr.write(f"{status}, but {file or 'stdout'} does not take the report: {error}\n")
            if file:
                self._write(text, status, None)


@contextmanager
def _taken_for_ctrl_c(*numbers: signal.Signals) -> Iterator[None]:
    """Let the signals by which a pipeline or a closed terminal ends things do it as tidily."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _check(options: Mapping[str, Any]) -> None:
    chosen = FORMATS[options["format"]]
    if not chosen.is_available:
        message = f"--format {chosen.name} can't be had here: {chosen.how_to_get_it}"
        raise CommandError(message, returncode=_COULD_NOT_RUN)
    unfit = [name for name in _ONLY_HERE if options["queue"] and options[name]]
    if unfit:
        message = f"--{unfit[0]} and --queue don't go together"
        raise CommandError(message, returncode=_COULD_NOT_RUN)
    queued = [name for name in _ONLY_QUEUED if options[name] is not None and options[name] is not False]
    if queued and not options["queue"]:
        message = f"--{queued[0].replace('_', '-')} is for runs on the queue; add --queue"
        raise CommandError(message, returncode=_COULD_NOT_RUN)


def _list(selection: Selection, settings: conf.Conf, out: output.Out | Path) -> None:
    with redirect_stdout(sys.stderr):
        _, plan = plan_of(selection, settings, with_slow=True)
    if plan.steps:
        output.write(listing.render(plan), out)
    else:
        sys.stderr.write("no test was found\n")


def _run(selection: Selection, settings: conf.Conf, options: Mapping[str, Any]) -> tuple[Report, bool]:
    """Return the report, and whether somebody has ended the run with Ctrl-C."""
    # What a smoke module prints is no part of the report.
    with redirect_stdout(sys.stderr), open_display(sys.stderr, has_color=not options["no_color"]) as display:
        if not options["queue"]:
            report = runs.run_in_foreground(
                selection,
                settings,
                display,
                with_slow=options["slow"],
                processes=options["parallel"] or 1,
                ends_with_failure=options["failfast"],
            )
            return report, report.status is Status.CANCELLED
        order = Order(selection=selection, on_every_host=bool(options["hosts"]), only_new=options["only_new"])
        run_id = runs.start(order, settings).run_id
        display.tell(f"run {run_id}")
        try:
            seconds = _QUEUED_SECONDS if options["timeout"] is None else options["timeout"]
            return runs.follow(run_id, seconds, settings, display), False
        except KeyboardInterrupt:
            return runs.cancel(run_id, settings), True


def _whole(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        message = f"{word!r} is no whole number from 1 on"
        raise ArgumentTypeError(message)
    return int(word)
