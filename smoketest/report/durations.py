"""The tests of a report that took longest."""

from smoketest.report.summary import Report


def render(report: Report, most: int) -> str:
    """Return a line for each of the `most` slowest tests, the slowest first."""
    took = [(row.result.duration_seconds, row.step.id) for row in report.rows if row.result.duration_seconds]
    return "".join(f"{seconds:8.3f} s {test_id}\n" for seconds, test_id in sorted(took, reverse=True)[:most])
