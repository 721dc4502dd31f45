"""The words of the project: spec, plan, step, result, outcome, cause."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Self


class Outcome(StrEnum):
    """How a test ended."""

    PASSED = "passed"
    FAILED = "failed"
    """An assertion did not hold."""
    ERRORED = "errored"
    """Anything else went wrong; the cause tells what."""
    SKIPPED = "skipped"

    @property
    def counts_as_run(self) -> bool:
        return self is not Outcome.SKIPPED

    @property
    def is_ok(self) -> bool:
        return self in (Outcome.PASSED, Outcome.SKIPPED)


class Cause(StrEnum):
    """Why a test errored."""

    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    CRASH = "crash"
    """Its process died."""
    LOST = "lost"
    """Nobody answered for it."""
    IMPORT = "import"
    """Its module would not load."""
    NOT_RUN = "not_run"
    """The run's budget or a cancel ended first, or there was no process for it."""
    GUARD = "guard"
    """It did what could outlive its rollback."""

    @property
    def is_silence(self) -> bool:
        """Tell whether it says nothing of the test itself."""
        return self in (Cause.LOST, Cause.NOT_RUN)


class Status(StrEnum):
    """What a run says of itself."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    PASS = "PASS"  # noqa: S105 (a verdict, not a password)
    FAIL = "FAIL"
    CANCELLED = "CANCELLED"

    @property
    def is_finished(self) -> bool:
        return self not in (Status.PENDING, Status.RUNNING)

    @property
    def is_verdict(self) -> bool:
        """Tell whether it says something of what was tested."""
        return self in (Status.PASS, Status.FAIL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """A test found in the code, or a module that holds tests and would not load."""

    id: str
    """`module.QualifiedClass.method`; of a module that would not load, the module's name."""
    app: str
    app_label: str
    test_class: str
    """`module.QualifiedClass`, or empty for a module that would not load."""
    scopes: tuple[str, ...] = ()
    """The module and the class, where they have fixtures of their own: `setUpModule`, `setUpClass` ..."""
    is_slow: bool = False
    is_rolled_back: bool = True
    timeout_seconds: float | None = None
    """The test's own limit, if it has one."""
    tags: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One test of a plan with everything decided."""

    id: str
    test_class: str
    timeout_seconds: float
    is_slow: bool = False
    is_rolled_back: bool = True
    tags: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    """Names of the module and the class whose fixtures must stand around the test."""
    keeps: int = 0
    """How many of the scopes the next step of the plan needs too; they stay when this test has ended."""
    host: str = ""
    """The one host where it is to be run; its id ends in `@host` then."""

    @property
    def test_id(self) -> str:
        """The id of its spec."""
        return self.id.removesuffix(f"@{self.host}")

    def as_dict(self) -> dict[str, Any]:
        """Return plain values without those that are as in most steps, for JSON."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in values.items() if value != _STEP_DEFAULTS[name]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a step of `as_dict`'s values; a field this version does not know is left out."""
        known = pick_known(_STEP_FIELDS, values)
        known["tags"], known["scopes"] = tuple(values.get("tags", ())), tuple(values.get("scopes", ()))
        return cls(**known)


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """How one step ended, and what is kept of it."""

    id: str
    outcome: Outcome
    cause: Cause | None = None
    duration_seconds: float | None = None
    waited_seconds: float | None = None
    """From the request for the run until the test began; None for an inline run."""
    message: str = ""
    traceback: str = ""
    stdout: str = ""
    stderr: str = ""
    logs: str = ""
    warnings: tuple[str, ...] = ()
    host: str = ""
    pid: int | None = None
    release: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values without the empty ones, for JSON."""
        values = ((name, getattr(self, name)) for name in self.__slots__)  # `asdict` would copy each, ten times as slow
        return {name: value for name, value in values if value not in (None, "", ())}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a result of `as_dict`'s values; a field this version does not know is left out."""
        known, cause = pick_known(_RESULT_FIELDS, values), values.get("cause")
        known["outcome"] = Outcome(values["outcome"])
        known["cause"] = Cause(cause) if cause else None
        known["warnings"] = tuple(values.get("warnings", ()))
        return cls(**known)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The steps of one run, in order."""

    steps: tuple[Step, ...]
    known: Mapping[str, Result] = field(default_factory=dict)
    """The results that stand before anything runs: those of modules that would not load."""

    @property
    def test_classes(self) -> int:
        """How many classes the tests are of; a module that would not load counts as none."""
        return len({step.test_class for step in self.steps} - {""})

    def units(self) -> list[list[Step]]:
        """Return the steps still to be run, neighbours that share fixtures together."""
        units: list[list[Step]] = [[]]
        for step in self.steps:
            if step.id not in self.known:
                units[-1].append(step)
            if not step.keeps:
                units.append([])
        return [unit for unit in units if unit]


_STEP_FIELDS = frozenset(Step.__slots__)
_STEP_DEFAULTS = {each.name: each.default for each in fields(Step)}
_RESULT_FIELDS = frozenset(Result.__slots__)


def pick_known(names: frozenset[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the values that have one of the names: another version may have written more."""
    return dict(values) if values.keys() <= names else {name: values[name] for name in values.keys() & names}
