"""Reports as OpenMetrics, for Prometheus and what reads the same."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from smoketest.report.summary import Report, Row
from smoketest.report.verdict import bad_rows
from smoketest.results import Outcome, Status

MOST_TESTS = 500
"""Each test is a time series or two; of more tests, the bad ones are shown first."""

_Labels = dict[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Gauge:
    """One metric with its samples: labels and value."""

    name: str
    help: str
    samples: list[tuple[_Labels, float]]
    unit: str = ""


def render(report: Report) -> str:
    """Return the report as gauges."""
    return expose(gauges_of([report]))


def render_list(reports: list[Report]) -> str:
    """Return the gauges of the newest run that has come to a verdict."""
    return expose(gauges_of(report for report in reports if report.status.is_verdict))


def gauges_of(reports: Iterable[Report]) -> Iterator[Gauge]:
    """Yield the gauges of the first finished report of each kind: `fast` is run inline, `slow` by workers."""
    by_kind: dict[str, Report] = {}
    for report in reports:
        if report.status.is_finished:
            by_kind.setdefault("slow" if report.run_id else "fast", report)
    for each in (*_of_runs(by_kind), *_of_tests(by_kind)):
        if each.samples:
            yield each


def shown_rows(report: Report) -> list[Row]:
    """Return the rows of the tests that are exposed: of too many the bad ones first."""
    bad = bad_rows(report)
    return [*bad, *(row for row in report.rows if row.result.outcome.is_ok)][:MOST_TESTS]


def expose(gauges: Iterable[Gauge]) -> str:
    """Return the gauges in the exposition format."""
    # Imported here: it is optional, the extra `metrics`, and takes as long to import as a hundred runs take.
    from prometheus_client.metrics_core import GaugeMetricFamily, Metric  # noqa: PLC0415
    from prometheus_client.openmetrics.exposition import generate_latest  # noqa: PLC0415
    from prometheus_client.registry import Collector, CollectorRegistry  # noqa: PLC0415

    class Exposed(Collector):
        def collect(self) -> Iterator[Metric]:
            for each in gauges:
                labels = list(each.samples[0][0])
                family = GaugeMetricFamily(f"smoketest_{each.name}", each.help, labels=labels, unit=each.unit)
                for values, number in each.samples:
                    family.add_metric(list(values.values()), number)
                yield family

    registry = CollectorRegistry()
    registry.register(Exposed())
    text: str = generate_latest(registry).decode()  # type: ignore[no-untyped-call]
    return text


def _of_runs(by_kind: dict[str, Report]) -> Iterator[Gauge]:
    runs = [({"kind": kind}, report) for kind, report in by_kind.items()]
    yield Gauge(
        name="up",
        help="1 if the last run that has come to a verdict was PASS, else 0",
        samples=[(labels, report.status is Status.PASS) for labels, report in runs],
    )
    yield Gauge(
        name="tests",
        help="Tests of the last run by outcome",
        samples=[
            (labels | {"outcome": outcome}, getattr(report.counts, outcome))
            for labels, report in runs
            for outcome in Outcome
        ],
    )
    yield Gauge(
        name="tests_timed_out",
        help="Tests of the last run that were ended at their limit; they are among the errored",
        samples=[(labels, report.counts.timed_out) for labels, report in runs],
    )
    yield Gauge(
        name="run_duration_seconds",
        help="How long the last run took",
        unit="seconds",
        samples=[(labels, report.seconds) for labels, report in runs],
    )
    yield Gauge(
        name="run_finished_timestamp_seconds",
        help="When the last run finished",
        unit="seconds",
        samples=[(labels, report.finished_at.timestamp()) for labels, report in runs if report.finished_at],
    )
    yield Gauge(
        name="run_info",
        help="What the last run was a verdict on; always 1",
        samples=[
            (labels | {"release": report.release, "host": report.host}, 1)
            for labels, report in runs
            if report.release or report.host
        ],
    )


def _of_tests(by_kind: dict[str, Report]) -> Iterator[Gauge]:
    shown = [
        ({"kind": kind, "test": row.step.id}, row.result)
        for kind, report in by_kind.items()
        for row in shown_rows(report)
    ]
    yield Gauge(
        name="test_up",
        help="1 if the test passed in the last run, 0 if it failed or errored; none if it was skipped",
        samples=[(labels, result.outcome.is_ok) for labels, result in shown if result.outcome.counts_as_run],
    )
    yield Gauge(
        name="test_duration_seconds",
        help="How long the test took in the last run",
        unit="seconds",
        samples=[(labels, result.duration_seconds) for labels, result in shown if result.duration_seconds is not None],
    )
