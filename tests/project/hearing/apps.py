"""Receivers that write down what they hear, and then behave as SMOKETEST_TEST_RECEIVER says."""

import os
import time
from pathlib import Path

from django.apps import AppConfig
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from smoketest.signals import run_finished, run_started, test_finished


class HearingConfig(AppConfig):
    name = "tests.project.hearing"

    def ready(self):
        if "SMOKETEST_TEST_HEARD" in os.environ:
            connect()
            trace.set_tracer_provider(_provider())


def connect():
    run_started.connect(_hear_of_run)
    run_finished.connect(_hear_of_run)
    test_finished.connect(_hear_of_test)


def disconnect():
    run_started.disconnect(_hear_of_run)
    run_finished.disconnect(_hear_of_run)
    test_finished.disconnect(_hear_of_test)


def _hear_of_run(report, **_):
    _write(f"{report.status} {report.run_id} {len(report.rows)}")


def _hear_of_test(result, run_id, **_):
    _write(f"{result.outcome} {run_id} {result.id}")


def _write(line):
    folder = Path(os.environ["SMOKETEST_TEST_HEARD"])
    with (folder / "heard").open("a") as file:
        file.write(f"{line}\n")
    match os.environ.get("SMOKETEST_TEST_RECEIVER"):
        case "raises":
            raise RuntimeError(line)
        case "hangs":
            while not (folder / "go-on").exists():
                time.sleep(0.01)


def _provider():
    provider = TracerProvider()
    spans = (Path(os.environ["SMOKETEST_TEST_HEARD"]) / "spans").open("a")
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=spans, formatter=_line)))
    return provider


def _line(span):
    return f"{span.to_json(indent=None)}\n"
