"""`smoketest`, the console script: from the command line to the exit code."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from smoketest.client import deploy, nagios
from smoketest.client.app import App
from smoketest.client.endings import EndedError, ExitCode
from smoketest.client.http import Answer, Http
from smoketest.client.options import Options, parse
from smoketest.client.patience import Patience
from smoketest.legible import legible
from smoketest.progress.display import Display, open_display
from smoketest.report import only_new, output

_REPORT_SECONDS = 60.0
"""How long it is tried to get the report of a run whose verdict is known."""
_CANCEL_SECONDS = 10.0


def main(words: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    with output.lasting_stderr():
        return _main(sys.argv[1:] if words is None else words)


def _main(words: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # how a pipeline says Ctrl-C
    try:
        options = parse(words, os.environ)
    except SystemExit as usage:
        return nagios.UNKNOWN if usage.code and "--nagios" in words else int(usage.code or 0)
    try:
        http = Http(token=options.token, ca_file=options.ca_file)
        return _check(http, options) if options.is_plugin else _deploy(http, options)
    except EndedError as ended:
        _complain(str(ended))
        return nagios.UNKNOWN if options.is_plugin else ended.exit_code
    except KeyboardInterrupt:
        _complain("interrupted; a run that has begun goes on")
        return ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 (what Python would exit with is a verdict)
        _complain(f"could not run: {type(error).__name__}: {error}")
        return nagios.UNKNOWN if options.is_plugin else ExitCode.COULD_NOT_RUN


def _check(http: Http, options: Options) -> int:
    line, exit_code = nagios.check(http, options.url, seconds=options.seconds)
    output.write(f"{line}\n", options.output or sys.stdout)
    return exit_code


def _deploy(http: Http, options: Options) -> int:
    app = App(http=http, url=options.url, release=options.release)
    with open_display(sys.stderr) as display:
        fired = deploy.fire(app, display, seconds=options.release_seconds)
        try:
            answer = deploy.follow(app, fired, display, seconds=options.seconds)
            exit_code = deploy.exit_code_of(answer.report, only_new=options.only_new)
            if options.only_new:
                display.tell(only_new.what_counts(answer.report))
        except KeyboardInterrupt:
            if not options.cancels:
                raise
            run_id = fired.report["run_id"]
            answer = Patience(_CANCEL_SECONDS, display).persist(lambda: app.cancel(run_id))
            exit_code = ExitCode.INTERRUPTED
        for format_name, out in _wanted(options):
            _write(app, answer, format_name, out, display)
    return exit_code


def _wanted(options: Options) -> list[tuple[str, Path | None]]:
    """Return the formats of the report, and where each goes; None: to stdout."""
    wanted = [(options.format, options.output)]
    return [*wanted, ("junit", options.junit)] if options.junit else wanted


def _write(app: App, answer: Answer, format_name: str, out: Path | None, display: Display) -> None:
    """Write the report in a format; the verdict stands even if that can't be done."""
    run_id, status = answer.report["run_id"], answer.status
    patience = Patience(_REPORT_SECONDS, display)
    try:
        text = patience.persist(lambda: app.show(run_id, format_name, status=status))
        output.write(text, out or sys.stdout)
    except (EndedError, OSError) as error:
        display.tell(f"{answer.report['status']}, but there is no report as {format_name}: {error}")


def _complain(text: str) -> None:
    sys.stderr.write(f"smoketest: {legible(text)}\n")
