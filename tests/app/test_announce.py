"""What an inline run tells the project: signals, log lines, spans; and that no receiver harms a run elsewhere."""

import logging
import sys
import threading

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from smoketest import bounded, signals
from smoketest.bounded import send_bounded
from smoketest.results import Status
from tests import waiting

ALL = (signals.run_started, signals.test_finished, signals.run_finished)
_exporter = InMemorySpanExporter()
_provider = TracerProvider()
_provider.add_span_processor(SimpleSpanProcessor(_exporter))
trace.set_tracer_provider(_provider)  # can be done but once in a process


@pytest.fixture
def heard():
    """What receivers have heard, in its order: (signal's place, facts)."""
    told = []
    receivers = [lambda *, place=place, **facts: told.append((place, facts)) for place in range(len(ALL))]
    _ = [signal.connect(receiver) for signal, receiver in zip(ALL, receivers, strict=True)]
    yield told
    _ = [signal.disconnect(receiver) for signal, receiver in zip(ALL, receivers, strict=True)]


@pytest.fixture
def receive():
    """Connect a receiver of `run_finished`."""
    connected = []

    def connect(receiver):
        signals.run_finished.connect(receiver)
        connected.append(receiver)

    yield connect
    _ = [signals.run_finished.disconnect(receiver) for receiver in connected]


@pytest.fixture
def go_on():
    """What a receiver waits for; it comes at the end at the latest."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def quick(monkeypatch):
    """Don't wait long for receivers."""
    monkeypatch.setattr(bounded, "MOST_SECONDS", 0.05)


@pytest.fixture
def spans():
    """The spans that have ended, read by calling it."""
    _exporter.clear()
    return _exporter.get_finished_spans


@pytest.mark.usefixtures("row")
def test_signals(project, operator, heard):
    """An inline run tells of its begin, of each test and of its end, in that order."""
    project("shop")

    report = operator.report()

    places, facts = zip(*heard, strict=True)
    assert places == (0, *[1] * report["tests_total"], 2)
    assert facts[0]["report"].status is Status.RUNNING
    assert [each["result"].id for each in facts[1:-1]] == [each["id"] for each in report["results"]]
    assert facts[-1]["report"].status == report["status"]


@pytest.mark.usefixtures("hanging")
def test_signals__hanging_test(project, operator, heard):
    """A test that is left behind is told of too: by the request, not by the thread that hangs."""
    project("hanging", timeout=0.2)

    report = operator.report()

    told = {facts["result"].id: facts["result"].cause for place, facts in heard if place == 1}
    assert "timeout" in told.values()
    assert len(told) == report["tests_total"]


@pytest.mark.usefixtures("row")
def test_signals__served_again(project, operator, heard):
    """A report that is served again is no new run."""
    project("shop", cache_seconds=60)

    operator.report()
    operator.report()

    assert [place for place, _ in heard].count(2) == 1


@pytest.mark.usefixtures("row")
def test_signals__receiver_raises(project, operator, receive):
    """What a receiver raises changes no verdict."""

    def fail(**_):
        raise RuntimeError

    receive(fail)
    project("shop")

    assert operator.report()["status"] == "PASS"


@pytest.mark.usefixtures("row", "quick")
def test_signals__receiver_hangs(project, operator, receive, go_on):
    """A receiver that hangs holds up no answer, and hears of the next run when it has ended."""
    begun, reports = [], []

    def hang(**_):
        begun.append(threading.current_thread())
        go_on.wait()

    receive(hang)
    project("shop")
    request = threading.Thread(target=lambda: reports.extend(operator.report() for _ in range(2)))

    request.start()
    waiting.until(lambda: len(reports) == 2, what="both requests are answered", seconds=20)
    number = len(begun)
    go_on.set()
    waiting.until(lambda: len(begun) == 2, what="what waited is sent")
    waiting.until(lambda: not begun[-1].is_alive(), what="the thread ends")

    assert number == 1
    assert [report["status"] for report in reports] == ["PASS", "PASS"]


def test_log(project, operator, caplog):
    """Each test is a line with its id, outcome and cause; bad news are warnings, and never errors."""
    caplog.set_level(logging.INFO, "smoketest")
    project("outcomes")

    report = operator.report()

    of_tests = {record.test_id: record for record in caplog.records if hasattr(record, "test_id")}
    bad = {each["id"]: each for each in report["results"] if each["outcome"] in ("failed", "errored")}
    assert list(of_tests) == [each["id"] for each in report["results"]]
    assert {name for name, record in of_tests.items() if record.levelno == logging.WARNING} == set(bad)
    assert all(
        (of_tests[name].outcome, of_tests[name].cause) == (bad[name]["outcome"], bad[name].get("cause", ""))
        for name in bad
    )
    assert all(name in of_tests[name].getMessage() for name in bad)
    last = [record for record in caplog.records if hasattr(record, "status")][-1]
    assert (last.levelno, last.status, last.run_id) == (logging.WARNING, "FAIL", "")
    assert max(record.levelno for record in caplog.records) == logging.WARNING


def test_spans(project, operator, spans):
    """Each test has a span with its id, outcome and cause, as long as it took; bad ones have the status error."""
    project("outcomes")

    report = operator.report()

    found = {span.attributes["smoketest.test.id"]: span for span in spans()}
    results = {each["id"]: each for each in report["results"]}
    assert set(found) == set(results)
    assert {name for name, span in found.items() if not span.status.is_ok} == {
        *report["failed_tests"],
        *report["errored_tests"],
    }
    assert all(span.attributes["smoketest.test.outcome"] == results[name]["outcome"] for name, span in found.items())
    assert all(
        span.attributes.get("smoketest.test.cause") == results[name].get("cause") for name, span in found.items()
    )
    assert all(
        (span.end_time - span.start_time) / 1e6 == pytest.approx(results[name].get("duration_ms", 0), abs=0.01)
        for name, span in found.items()
    )


@pytest.mark.usefixtures("row")
def test_spans__context(project, operator, spans):
    """The spans stand below the request's, and leave it the current one."""
    project("shop")
    tracer = trace.get_tracer("tests")

    with tracer.start_as_current_span("request") as request:
        operator.report()
        current = trace.get_current_span()

    of_tests = [span for span in spans() if span.name != "request"]
    assert current is request
    assert {span.parent.span_id for span in of_tests} == {request.get_span_context().span_id}


@pytest.mark.usefixtures("hanging")
def test_spans__hanging_test(project, operator, spans):
    """A test that is left behind has a span as long as its limit."""
    project("hanging", timeout=0.2)

    operator.report(k="test_b_hangs")

    causes = [span.attributes.get("smoketest.test.cause") for span in spans()]
    assert causes
    assert set(causes) == {"timeout"}


@pytest.mark.usefixtures("quick")
def test_bounded__hangs(receive, go_on, caplog):
    """A receiver that hangs is left behind, nothing is sent while it hangs, and what waited is sent then."""
    begun = []

    def hang(**_):
        begun.append(threading.current_thread())
        go_on.wait()

    receive(hang)

    send_bounded(signals.run_finished, report=None)
    send_bounded(signals.run_finished, report=None)
    number = len(begun)
    go_on.set()
    waiting.until(lambda: len(begun) == 2, what="what waited is sent")

    assert number == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.usefixtures("quick")
def test_bounded__hangs_for_long(receive, go_on, monkeypatch, caplog):
    """Behind a receiver that does not end only so many signals wait; the rest is dropped, and the log says so."""
    monkeypatch.setattr(bounded, "MOST_WAITING", 2)
    begun = []

    def hang(**_):
        begun.append(threading.current_thread())
        go_on.wait()

    receive(hang)

    _ = [send_bounded(signals.run_finished, report=None) for _ in range(5)]
    go_on.set()
    waiting.until(lambda: len(begun) == 3, what="what waited is sent")
    waiting.until(lambda: not begun[-1].is_alive(), what="the thread ends")

    assert len(begun) == 3
    assert [record.message[:20] for record in caplog.records[1:]] == ["1 signals are not se"] * 2


def test_bounded__many_at_once(receive, monkeypatch, caplog):
    """However many signals a run has, they are sent where no receiver is behind."""
    monkeypatch.setattr(bounded, "MOST_WAITING", 2)
    heard = []
    receive(lambda *, report, **_: heard.append(report))

    bounded.send_all([(signals.run_finished, {"report": place}) for place in range(5)])
    waiting.until(lambda: len(heard) == 5, what="all are sent", seconds=5)

    assert heard == [0, 1, 2, 3, 4]
    assert not caplog.records


def test_bounded__exits(receive):
    """A receiver that calls `sys.exit` keeps no other signal waiting."""
    heard = []

    def leave(*, report, **_):
        heard.append(report)
        sys.exit()

    receive(leave)
    bounded.send_all([(signals.run_finished, {"report": place}) for place in range(3)])

    assert heard == [0, 1, 2]


def test_bounded__leaves_no_thread(receive):
    """Once it returns there is one thread as before, so that a worker's process may fork."""
    threads = []
    receive(lambda **_: threads.append(threading.current_thread()))

    send_bounded(signals.run_finished, report=None)

    assert [thread.is_alive() for thread in threads] == [False]
