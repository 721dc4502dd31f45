"""What of the project's tests would be run."""

from dataclasses import replace

from smoketest import own_secrets
from smoketest.conf import Conf, searched_apps
from smoketest.errors import QueueUnavailableError
from smoketest.loading import discover_within
from smoketest.results import Plan
from smoketest.suite.discover import Found
from smoketest.suite.plan import Selection, make_plan


def plan_of(selection: Selection, conf: Conf, *, with_slow: bool) -> tuple[Found, Plan]:
    """Return the tests of the project, and what would be run of them.

    Where a module hangs on import, that is all there is, whatever is selected. Raises SelectionError when nothing is
    there of what is asked for.
    """
    found = discover_within(searched_apps(conf), conf.budget)
    selection = selection if found.is_complete else Selection()
    return found, _planned(found, selection, conf, with_slow=with_slow)


def plan_for_queue(selection: Selection, conf: Conf) -> Plan:
    """Return what a queued run comes to.

    Raises SelectionError as `plan_of` does, and QueueUnavailableError where a module hangs on import: the run would be
    without its tests.
    """
    found = discover_within(searched_apps(conf), conf.budget)
    if not found.is_complete:
        raise QueueUnavailableError(*(problem.message for problem in found.broken.values()))
    return _planned(found, selection, conf, with_slow=True)


def _planned(found: Found, selection: Selection, conf: Conf, *, with_slow: bool) -> Plan:
    """Return what would be run; what is known of modules that would not load is without secrets too."""
    plan = make_plan(found, selection, conf.limits, with_slow=with_slow)
    scrub = own_secrets.scrubber().result
    return replace(plan, known={test_id: scrub(result) for test_id, result in plan.known.items()})
