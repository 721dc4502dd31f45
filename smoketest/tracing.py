"""A span of OpenTelemetry for each test, where its API is installed; made of the result, so killed tests have one."""

import logging
from functools import cache
from typing import Any

from smoketest.results import Result

logger = logging.getLogger("smoketest")


def trace_test(result: Result, *, run_id: str, release: str, began_ns: int, ended_ns: int) -> None:
    """Record the span of a test, below the span that is current here; never raises."""
    tracer = _tracer()
    if tracer is None:
        return
    attributes = {
        "smoketest.test.id": result.id,
        "smoketest.test.outcome": result.outcome.value,
        "smoketest.test.cause": result.cause.value if result.cause else "",
        "smoketest.run.id": run_id,
        "smoketest.release": release,
    }
    try:
        span = tracer.start_span(
            "smoketest", start_time=began_ns, attributes={name: value for name, value in attributes.items() if value}
        )
        if not result.outcome.is_ok:
            span.set_status(_error_status(), result.cause or result.outcome)
        span.end(end_time=max(began_ns, ended_ns))
    except Exception:  # a processor of the project's own may do anything
        logger.debug("there is no span of %s", result.id, exc_info=True)


def is_traced() -> bool:
    """Tell whether spans are recorded here at all."""
    return _tracer() is not None


@cache
def _tracer() -> Any:
    try:
        from opentelemetry import trace  # noqa: PLC0415 (it is not everywhere)
    except ImportError:
        return None
    return trace.get_tracer("smoketest")


@cache
def _error_status() -> Any:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 (as above)

    return StatusCode.ERROR
