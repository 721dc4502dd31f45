"""Finds the smoke tests of the installed apps; what would not load becomes a result, nothing is raised."""

import importlib
import importlib.util
import inspect
import pkgutil
import sys
import unittest
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from types import ModuleType

from smoketest.cases import SmokeTest
from smoketest.decorators import check_timeout
from smoketest.errors import ListedClassError
from smoketest.failures import message_of, traceback_of
from smoketest.results import Cause, Outcome, Result, Spec
from smoketest.suite import listed


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """An installed app, and where in it tests are looked for."""

    name: str
    """Its dotted path, whose `smoke` module is looked for."""
    label: str
    listed: str = ""
    """The dotted path of a test class that is taken instead of the module's."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Found:
    """The smoke tests of this process' code; equal to itself alone."""

    specs: tuple[Spec, ...] = ()
    broken: Mapping[str, Result] = field(default_factory=dict)
    """The results of those specs that would not load, by id."""
    classes: Mapping[str, type[SmokeTest]] = field(default_factory=dict)
    """Test id -> its class. Only what stands here can ever be run."""
    is_complete: bool = True
    """False while modules are still being imported: what is asked for may be in one of them."""


Note = Callable[[App, str], None]
"""Is told of each module before it is imported."""


@cache
def discover(apps: tuple[App, ...]) -> Found:
    """Import the `smoke` modules of `apps` and the classes listed there, and list their tests, once a process."""
    return load(apps)


def load(apps: tuple[App, ...], note: Note = lambda _app, _name: None) -> Found:
    """Do the same whenever it is called, and tell `note` what is being imported."""
    everything = [finding for app in apps for finding in _in_app(app, note)]
    findings = _by_id(_without_homes(everything)).values()
    return Found(
        specs=tuple(finding.spec for finding in findings),
        broken={finding.spec.id: finding.problem for finding in findings if finding.problem},
        classes={finding.spec.id: finding.test_class for finding in findings if finding.test_class},
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Finding:
    spec: Spec
    module: str
    test_class: type[SmokeTest] | None = None
    problem: Result | None = None
    imported: type[SmokeTest] | None = None
    """A class that the module only imports; what follows from it is known when all modules are."""


def _in_app(app: App, note: Note) -> Iterator[_Finding]:
    if app.listed:
        note(app, app.listed)
        yield from _in_listing(app)
        return
    name = f"{app.name}.smoke"
    is_package = hasattr(importlib.import_module(app.name), "__path__")
    if is_package and importlib.util.find_spec(name):
        yield from _in_module(name, app, note)


def _in_listing(app: App) -> Iterator[_Finding]:
    try:
        test_class = listed.load(app.listed)
    except ListedClassError as error:
        yield _broken(app.listed, app.name, app, str(error), traceback_of(error))
        return
    yield from _tests_of(test_class, sys.modules[test_class.__module__], app)


def _in_module(name: str, app: App, note: Note) -> Iterator[_Finding]:
    note(app, name)
    try:
        module = importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 (a module may raise anything, sys.exit() too, and each is a result)
        yield _broken(name, name, app, f"{name} would not load: {message_of(error)}", traceback_of(error))
        return
    classes = {id(each): each for each in vars(module).values() if inspect.isclass(each)}.values()
    for test_class in sorted(classes, key=lambda each: each.__qualname__):
        if not issubclass(test_class, unittest.TestCase):
            continue
        if test_class.__module__ == name:
            yield from _in_class(test_class, module, app)
        elif issubclass(test_class, SmokeTest) and _methods(test_class) and not vars(test_class).get("abstract"):
            yield _imported(test_class, module, app)
    for child in _children(module):
        yield from _in_module(f"{name}.{child}", app, note)


def _children(module: ModuleType) -> list[str]:
    """Return the names of the modules in a package, and of its folders with modules but without `__init__.py`."""
    path = list(getattr(module, "__path__", ()))
    folders = [folder for entry in path if Path(entry).is_dir() for folder in Path(entry).iterdir() if folder.is_dir()]
    plain = {folder.name for folder in folders if folder.name.isidentifier() and any(folder.rglob("*.py"))}
    return sorted(({found.name for found in pkgutil.iter_modules(path)} | plain) - {"__main__", "__pycache__"})


def _in_class(test_class: type[unittest.TestCase], module: ModuleType, app: App) -> Iterator[_Finding]:
    if _methods(test_class) and not vars(test_class).get("abstract"):
        yield from _tests_of(test_class, module, app)


def _tests_of(test_class: type[unittest.TestCase], module: ModuleType, app: App) -> Iterator[_Finding]:
    name = f"{module.__name__}.{test_class.__qualname__}"
    refusal = _refusal(test_class)
    if refusal or not issubclass(test_class, SmokeTest):
        yield _broken(name, module.__name__, app, f"{name} {refusal}")
        return
    for method in _methods(test_class):
        yield _Finding(spec=_spec(name, method, test_class, module, app), module=module.__name__, test_class=test_class)


def _methods(test_class: type[unittest.TestCase]) -> list[str]:
    """Return the names of the test methods, as unittest's loader finds them."""
    names = unittest.TestLoader().getTestCaseNames(test_class)
    return list(names) or ["runTest"] * hasattr(test_class, "runTest")


def _refusal(test_class: type[unittest.TestCase]) -> str:
    """Return why a class can't be run, or nothing."""
    if any(base.__module__.startswith("django.test.") for base in test_class.__mro__):
        return (
            "derives from one of Django's test classes, which change the whole process, production requests "
            "included, while they run; derive it from smoketest.SmokeTest alone"
        )
    if issubclass(test_class, unittest.IsolatedAsyncioTestCase):
        return (
            "derives from IsolatedAsyncioTestCase, whose event loop works outside the guard; derive it from "
            "smoketest.SmokeTest, which runs `async def test_*` methods as they are"
        )
    if not issubclass(test_class, SmokeTest):
        return "is a unittest.TestCase but no smoke test, so it would never run; derive it from smoketest.SmokeTest"
    if hasattr(test_class, "asyncSetUp") or hasattr(test_class, "asyncTearDown"):
        return "has asyncSetUp or asyncTearDown, which would never be called; make it a plain setUp or tearDown"
    return _bad_mark(test_class)


def _bad_mark(test_class: type[SmokeTest]) -> str:
    tests = [getattr(test_class, name) for name in _methods(test_class)]
    for marked in (test_class, *tests):
        limit, tags = getattr(marked, "timeout", None), getattr(marked, "tags", ())
        try:
            if limit is not None:
                check_timeout(limit)
        except (TypeError, ValueError) as error:
            return f"can't be run: {error}"
        if not isinstance(tags, set | frozenset | list | tuple) or not all(isinstance(tag, str) for tag in tags):
            return f"can't be run: tags is {tags!r}; a set of strings is wanted"
    return ""


def _spec(name: str, method: str, test_class: type[SmokeTest], module: ModuleType, app: App) -> Spec:
    test = getattr(test_class, method)
    return Spec(
        id=f"{name}.{method}",
        app=app.name,
        app_label=app.label,
        test_class=name,
        scopes=_scopes(name, test_class, module),
        is_slow=bool(getattr(test, "slow", test_class.slow)),
        is_rolled_back=getattr(test, "rolled_back", test_class.rolled_back),
        timeout_seconds=getattr(test, "timeout", test_class.timeout),
        tags=frozenset(getattr(test_class, "tags", ())) | frozenset(getattr(test, "tags", ())),
    )


def _scopes(name: str, test_class: type[SmokeTest], module: ModuleType) -> tuple[str, ...]:
    has_module_fixtures = hasattr(module, "setUpModule") or hasattr(module, "tearDownModule")
    has_class_fixtures = any(
        getattr(test_class, fixture).__func__ is not getattr(unittest.TestCase, fixture).__func__
        for fixture in ("setUpClass", "tearDownClass")
    )
    return (module.__name__,) * has_module_fixtures + (name,) * has_class_fixtures


def _broken(name: str, module: str, app: App, message: str, trace: str = "") -> _Finding:
    return _Finding(
        spec=Spec(id=name, app=app.name, app_label=app.label, test_class=""),
        module=module,
        problem=Result(id=name, outcome=Outcome.ERRORED, cause=Cause.IMPORT, message=message, traceback=trace),
    )


def _imported(test_class: type[SmokeTest], module: ModuleType, app: App) -> _Finding:
    """Tell of a class that runs nowhere, should it turn out that no smoke module defines it or derives from it."""
    name = f"{test_class.__module__}.{test_class.__qualname__}"
    message = (
        f"{name} is imported by {module.__name__} and would never run: {test_class.__module__} is no smoke module. "
        "Derive a class from it in one, or say `abstract = True` in its body"
    )
    return replace(_broken(name, module.__name__, app, message), imported=test_class)


def _without_homes(findings: list[_Finding]) -> Iterator[_Finding]:
    """Leave out the imported classes that run all the same: at home, or by what derives from them."""
    modules = {finding.module for finding in findings if not finding.imported}
    running = {finding.test_class for finding in findings if finding.test_class}
    for finding in findings:
        imported = finding.imported
        is_at_home = imported and imported.__module__ in modules
        if not imported or not (is_at_home or any(issubclass(each, imported) for each in running)):
            yield finding


def _by_id(findings: Iterator[_Finding]) -> dict[str, _Finding]:
    """Return the findings by id; a module met twice (an app inside another app's package) counts once."""
    found: dict[str, _Finding] = {}
    for finding in findings:
        first = found.setdefault(finding.spec.id, finding)
        if first.test_class is not finding.test_class:
            message = f"{finding.spec.id} is the id of two tests; give their classes different names"
            problem = Result(id=finding.spec.id, outcome=Outcome.ERRORED, cause=Cause.IMPORT, message=message)
            found[finding.spec.id] = replace(finding, test_class=None, problem=problem)
    return found
