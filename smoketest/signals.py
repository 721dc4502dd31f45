"""The signals that tell a project of its runs; receivers get them by `send_robust`, so what they raise harms no run."""

from django.dispatch import Signal

run_started = Signal()
"""`report`: a `smoketest.report.summary.Report` of the run as it begins, without results.

Of a queued run it comes when its first test has begun, once, from whichever process sees that first.
"""

test_finished = Signal()
"""`run_id` (empty for a run of the process itself), `release`, `step` and `result`, as `smoketest.results` has them.

Of a queued test it comes from the worker process that recorded it; a test that is lost has none.
"""

run_finished = Signal()
"""`report`: the final report of the run with all its results, and what is new in it.

Of a queued run it comes once, from whichever process sees first that the run has ended.
"""
