"""Makers of the values that the tests hand in: what matters is named, the rest has a default."""

from smoketest.facts import Run, count
from smoketest.results import Plan, Result, Spec, Step
from smoketest.suite.discover import App, Found, discover
from smoketest.suite.plan import Limits, Selection, make_plan

LIMITS = Limits(fast_seconds=5, slow_seconds=60)


def make_app(name):
    """Return an app of tests/project."""
    return App(name=f"tests.project.{name}", label=name)


def make_spec(test_id, **values):
    """Return the spec of a test, by default of the app `shop`."""
    return Spec(**{"id": test_id, "app": "shop", "app_label": "shop", "test_class": class_of(test_id), **values})


def make_found(*specs, **values):
    """Return what discovery finds."""
    return Found(specs=specs, **values)


def make_step(test_id, **values):
    """Return the step of a test."""
    return Step(**{"id": test_id, "test_class": class_of(test_id), "timeout_seconds": 5.0, **values})


def make_run(*results, not_ended=0, **values):
    """Return the run of these results and of so many tests that have not ended."""
    steps = [make_step(result.id) for result in results]
    steps += [make_step(f"waiting.smoke.WaitingTest.test_{number}") for number in range(not_ended)]
    by_id = {result.id: result for result in results}
    return Run(
        **{
            "plan": Plan(steps=tuple(steps)),
            "results": by_id,
            "counts": count(by_id),
            "test_classes": len({step.test_class for step in steps}),
            "tests_total": len(steps),
            **values,
        }
    )


def make_result(test_id, outcome, **values):
    """Return the result of a test."""
    return Result(id=test_id, outcome=outcome, **values)


def plan_of(*apps, **words):
    """Return what discovery finds in the apps and the plan of it, slow tests included."""
    found = discover(apps)
    return found, make_plan(found, Selection(**words), LIMITS, with_slow=True)


def class_of(test_id):
    """Return the id's part that names the class."""
    return test_id.rpartition(".")[0]


def names(ids):
    """Return the ids without their modules: `ShopTest.test_opens`, or the module's last name."""
    return [test_id.partition(".smoke.")[2] or test_id for test_id in ids]
