"""Decides what of the tests found is run, in which order and under which limits."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import lru_cache
from itertools import takewhile, zip_longest

from smoketest.errors import SelectionError
from smoketest.results import Plan, Spec, Step
from smoketest.suite.discover import Found


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which tests are asked for: any of a field's words, and all of the fields that have words."""

    app: tuple[str, ...] = ()
    """App names or labels."""
    tag: tuple[str, ...] = ()
    exclude_tag: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    """Test ids, or what one begins with up to a dot."""
    k: tuple[str, ...] = ()
    """Parts of a test id."""

    @property
    def is_everything(self) -> bool:
        return self == Selection()

    def __str__(self) -> str:
        """Return the selection as it is asked for in a query."""
        return "&".join(f"{each.name}={word}" for each in fields(self) for word in getattr(self, each.name))

    def picks(self, spec: Spec) -> bool:
        """Tell whether a test is asked for."""
        return (
            self._picks_app(spec)
            and (not self.tag or any(tag in spec.tags for tag in self.tag))
            and not any(tag in spec.tags for tag in self.exclude_tag)
            and (not self.test or any(_begins(spec.id, name) for name in self.test))
            and (not self.k or any(part in spec.id for part in self.k))
        )

    def may_pick_from(self, module: Spec) -> bool:
        """Tell whether a module that would not load may hold a test that is asked for."""
        return self._picks_app(module) and (
            not self.test or any(_begins(module.id, name) or _begins(name, module.id) for name in self.test)
        )

    def _picks_app(self, spec: Spec) -> bool:
        return not self.app or spec.app in self.app or spec.app_label in self.app


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What is asked for when a queued run is started."""

    selection: Selection = field(default_factory=Selection)
    on_every_host: bool = False
    is_new: bool = False
    """Start another one although the same is under way."""
    only_new: bool = False
    """Decide by what fails newly; a release in which something does is refused."""
    release: str = ""
    """The only release whose verdict is wanted."""
    key: str = ""
    """The caller's own name for this order: whoever sends it again gets the same run, also when it has finished."""

    @property
    def words(self) -> str:
        """What runs must have in common to be compared: the selection, in any order, and whether on every host."""
        words = sorted(filter(None, str(self.selection).split("&")))
        return "&".join([*words, "hosts=all"] if self.on_every_host else words)

    @property
    def is_always_another(self) -> bool:
        """Tell whether no other run will do; one that the key names is no other."""
        return self.is_new and not self.key


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """How long a test may take that does not say so itself."""

    fast_seconds: float
    slow_seconds: float


@lru_cache(maxsize=64)  # a monitor asks for the same again and again; what may be asked for is endless
def make_plan(found: Found, selection: Selection, limits: Limits, *, with_slow: bool) -> Plan:
    """Plan a run of the tests asked for, the slow ones only `with_slow`.

    Raises SelectionError when something is asked for and nothing of it is there to run.
    """
    asked = [spec for spec in found.specs if _is_asked_for(spec, found, selection)]
    specs = [spec for spec in asked if with_slow or not spec.is_slow]
    if not specs and not selection.is_everything:
        raise SelectionError(_nothing_selected(selection, are_all_slow=bool(asked)))
    return Plan(
        steps=tuple(_steps(specs, limits)),
        known={spec.id: found.broken[spec.id] for spec in specs if spec.id in found.broken},
    )


def _is_asked_for(spec: Spec, found: Found, selection: Selection) -> bool:
    return selection.may_pick_from(spec) if spec.id in found.broken else selection.picks(spec)


def _nothing_selected(selection: Selection, *, are_all_slow: bool) -> str:
    if are_all_slow:
        return f"only slow tests match {selection}; a fast run leaves them out, ask for a slow one"
    return f"no test matches {selection}"


def _steps(specs: list[Spec], limits: Limits) -> Iterator[Step]:
    for spec, follower in zip_longest(specs, specs[1:]):
        default = limits.slow_seconds if spec.is_slow else limits.fast_seconds
        yield Step(
            id=spec.id,
            test_class=spec.test_class,
            timeout_seconds=spec.timeout_seconds or default,
            is_slow=spec.is_slow,
            is_rolled_back=spec.is_rolled_back,
            tags=tuple(sorted(spec.tags)),
            scopes=spec.scopes,
            keeps=_shared(spec, follower) if follower else 0,
        )


def _shared(spec: Spec, follower: Spec) -> int:
    """Return how many scopes the two have in common from the outermost on."""
    if spec.is_rolled_back != follower.is_rolled_back:
        return 0  # one's fixtures are rolled back, the other's are not
    pairs = zip(spec.scopes, follower.scopes, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _begins(name: str, beginning: str) -> bool:
    return name == beginning or name.startswith(f"{beginning}.")
