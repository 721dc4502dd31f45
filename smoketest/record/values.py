"""The words between the record and those who ask it."""

from dataclasses import dataclass

from smoketest.results import Plan, Step

LEASE_GRACE_SECONDS = 5.0
"""On top of a test's limit: its end by force, and a while without Redis."""
_START_SECONDS = 60.0
"""How long a process may take to come up: it may import the whole project."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """One of those who take a run's tests, and run them one after another."""

    run_id: str
    name: str
    lane: str = ""
    """The host whose tests it takes; empty: those that may run anywhere."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """A step that a shard is to run."""

    index: str
    step: Step
    waited_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a shard is told when it asks for steps."""

    assignments: tuple[Assignment, ...] = ()
    """None: there is nothing to do any more."""
    left: int = 0
    """How many units wait for somebody else."""
    has_room: bool = False
    """Units wait, and another shard may work on them; told to one that is busy."""
    has_ended: bool = False
    """The whole run has."""
    late: frozenset[str] = frozenset()
    """The indices of those steps that it told the end of and that had a result already, which stays."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Left:
    """What a shard that died leaves to somebody else."""

    units: int
    """How many wait on its lane, and want somebody at once; none where it had not begun any itself."""
    lane: str


@dataclass(frozen=True, slots=True)
class IdleLane:
    """A lane where tests wait, and nobody has come for too long."""

    lane: str
    shards: int
    """How many may work there at once."""
    sent: int
    """How often messages were sent for it already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """What is known of a run before it begins, beside its plan."""

    release: str
    host: str
    test_classes: int
    selection: str = ""
    """What was asked for, in the words of a query."""
    only_new: bool = False
    """Whether it decides about its release by what fails newly; if something does, the release is refused."""
    place: str = ""
    """The place that is free again when it has ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Begun:
    """What a shard is told when it begins."""

    about: About
    has_work: bool
    """There is something to do for it, and the run is for its release."""
    first: Answer | None = None
    """The steps that were handed out to it at once; None: it has to ask."""
    earlier: tuple[str, ...] = ()
    """The names of the shards that got the same message before and still own a step."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """On what terms a run is recorded."""

    start_seconds: float
    """How long its tests wait for a sign of life."""
    keep_seconds: float
    """How long it is kept when it has ended."""
    parallel: int
    """How many shards work side by side."""

    def bound_seconds(self, plan: Plan) -> float:
        """Return how long a run of the plan may take at most."""
        of_steps = sum(step.timeout_seconds + LEASE_GRACE_SECONDS for step in plan.steps)
        return self.start_seconds + _START_SECONDS + of_steps
