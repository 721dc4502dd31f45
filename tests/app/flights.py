"""Tells who waits for a run that another's request has begun."""

import sys
import traceback

from smoketest import sharing


def followers():
    """Return how many wait for the run that is under way; those who still wake up from an earlier one don't."""
    under_way = [id(flight) for flight in sharing._flights.values()]
    frames = [frame for top in sys._current_frames().values() for frame, _ in traceback.walk_stack(top)]
    serving = [frame.f_locals for frame in frames if frame.f_code is sharing.serve.__code__]
    return sum(id(served.get("flight")) in under_way and served["flight"] is not served["own"] for served in serving)
