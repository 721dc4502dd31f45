"""A capture as a context, which the package has no use for itself."""

from contextlib import contextmanager

from smoketest.execution.capture import Captured, start_capture, stop_capture


@contextmanager
def capture():
    """Keep what the code inside prints and logs."""
    captured = Captured()
    token = start_capture(captured)
    try:
        yield captured
    finally:
        stop_capture(token)
