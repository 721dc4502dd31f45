"""Waiting for a condition, with a limit: no test sleeps for a time that someone has guessed."""

import time

LIMIT_SECONDS = 60


def until(condition, *, what, seconds=LIMIT_SECONDS):
    """Return the first true value of `condition()`; fail after `seconds`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s in vain: {what}")
        time.sleep(0.01)
    return value
