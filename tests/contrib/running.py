"""Runs ready-made tests as the framework does: guarded, recorded, each with its result.

Their classes are named by their modules in these tests: one that is imported by name, pytest would run too.
"""

import asyncio
import gc
import time
import unittest
import warnings

from django.test import RequestFactory

from smoketest import conf
from smoketest.execution.session import own_session
from smoketest.inline import report_inline
from smoketest.results import Plan, Step
from smoketest.suite.discover import Found


def derive(test_class, **attributes):
    """Return the class that a project would write: one line, and what it says of its own."""
    return type("OwnTest", (test_class,), {"__module__": "own.smoke", **attributes})


def results_of(test_class, **attributes):
    """Run all tests of the class that is derived so; return name -> result."""
    own = derive(test_class, **attributes)
    steps = _steps(own)
    with own_session({step.id: own for step in steps}) as run:
        return {step.id.rpartition(".")[2]: run(step) for step in steps}


def result_of(test_class, **attributes):
    """Run the only test of the class that is derived so."""
    (result,) = results_of(test_class, **attributes).values()
    return result


def result_on_a_lane(test_class, *, seconds, **attributes):
    """Run the only test of such a class as a monitor's request does, under its time limit."""
    own = derive(test_class, **attributes)
    (step,) = _steps(own, seconds=seconds)
    plan, found, settings = Plan(steps=(step,)), Found(classes={step.id: own}), conf.current()
    until = time.monotonic() + settings.budget
    return report_inline(plan, found, settings, until=until, script_prefix="/", release="").rows[0].result


def answer_of(view, **query):
    """Return what an async view of django-health-check answers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # its checks leave the connections of their threads open
        response = asyncio.run(view(RequestFactory().get("/", query)))
        gc.collect()
    return response


def _steps(test_class, seconds=10.0):
    names = unittest.TestLoader().getTestCaseNames(test_class)
    return [
        Step(id=f"own.smoke.OwnTest.{name}", test_class="own.smoke.OwnTest", timeout_seconds=seconds) for name in names
    ]
