"""What is picked of what was found, in which order, and under which limits."""

import pytest

from smoketest.errors import SelectionError
from smoketest.results import Cause, Outcome
from smoketest.suite.plan import Limits, Selection, make_plan
from tests.core.making import LIMITS, make_found, make_result, make_spec

READS = make_spec("shop.smoke.CartTest.test_reads", tags=frozenset({"db", "eu"}))
WRITES = make_spec("shop.smoke.CartTest.test_writes", tags=frozenset({"db"}))
SLOW = make_spec("shop.smoke.CartTest.test_yearly", tags=frozenset({"db"}), is_slow=True)
OTHER_CLASS = make_spec("shop.smoke.CartTestExtra.test_reads")
MAIL = make_spec("post.office.smoke.MailTest.test_sends", app="post.office", app_label="mail", tags=frozenset({"eu"}))
BROKEN = make_spec("bank.smoke.loans", app="bank", app_label="bank", test_class="")
PROBLEM = make_result("bank.smoke.loans", Outcome.ERRORED, cause=Cause.IMPORT, message="would not load")

SOUND = make_found(READS, WRITES, SLOW, OTHER_CLASS, MAIL)
WITH_BROKEN = make_found(READS, BROKEN, MAIL, broken={"bank.smoke.loans": PROBLEM})


def planned(found, *, with_slow=True, **words):
    return [step.id for step in make_plan(found, Selection(**words), LIMITS, with_slow=with_slow).steps]


def ids(*specs):
    return [spec.id for spec in specs]


def test_everything_in_the_order_found():
    """Without a selection all is planned, in the order in which it was found."""
    assert planned(SOUND) == ids(READS, WRITES, SLOW, OTHER_CLASS, MAIL)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"app": ("post.office",)}, [MAIL]),
        ({"app": ("mail",)}, [MAIL]),
        ({"app": ("mail", "shop")}, [READS, WRITES, SLOW, OTHER_CLASS, MAIL]),
        ({"tag": ("eu",)}, [READS, MAIL]),
        ({"tag": ("eu", "db")}, [READS, WRITES, SLOW, MAIL]),
        ({"exclude_tag": ("eu",)}, [WRITES, SLOW, OTHER_CLASS]),
        ({"exclude_tag": ("eu", "db")}, [OTHER_CLASS]),
        ({"test": ("shop.smoke.CartTest.test_reads",)}, [READS]),
        ({"test": ("shop.smoke.CartTest",)}, [READS, WRITES, SLOW]),
        ({"test": ("shop.smoke",)}, [READS, WRITES, SLOW, OTHER_CLASS]),
        ({"test": ("post",)}, [MAIL]),
        ({"test": ("post", "shop.smoke.CartTestExtra")}, [OTHER_CLASS, MAIL]),
        ({"k": ("reads",)}, [READS, OTHER_CLASS]),
        ({"k": ("Extra", "sends")}, [OTHER_CLASS, MAIL]),
        ({"k": ("office.smoke",)}, [MAIL]),
        ({"tag": ("db",), "exclude_tag": ("eu",)}, [WRITES, SLOW]),
        ({"app": ("shop",), "tag": ("eu",)}, [READS]),
        ({"app": ("shop",), "test": ("shop.smoke.CartTest",), "k": ("t_w", "t_y"), "tag": ("db",)}, [WRITES, SLOW]),
    ],
)
def test_selection(words, expected):
    """A test is picked that fits one word of each kind that is given."""
    assert planned(SOUND, **words) == ids(*expected)


@pytest.mark.parametrize(
    "words",
    [
        {"app": ("sho",)},
        {"app": ("post",)},
        {"tag": ("d",)},
        {"tag": ("EU",)},
        {"test": ("shop.smoke.Cart",)},
        {"test": ("shop.smoke.CartTest.test_read",)},
        {"test": ("smoke.CartTest",)},
        {"test": ("shop.smoke.CartTest.",)},
        {"k": ("nowhere",)},
        {"app": ("mail",), "tag": ("db",)},
    ],
)
def test_nothing_selected(words):
    """A word that fits nothing is an error, whole words are wanted but for `k`."""
    with pytest.raises(SelectionError):
        planned(SOUND, **words)


def test_nothing_selected_says_what_was_asked():
    """The error repeats what was asked for, as in a query."""
    with pytest.raises(SelectionError) as caught:
        planned(SOUND, app=("mail", "bank"), tag=("db",), exclude_tag=("eu",), test=("a.b",), k=("c",))

    assert str(caught.value) == "no test matches app=mail&app=bank&tag=db&exclude_tag=eu&test=a.b&k=c"


def test_only_slow_selected():
    """Where only slow tests fit, a fast run says so."""
    with pytest.raises(SelectionError) as caught:
        planned(SOUND, with_slow=False, k=("yearly",))

    assert str(caught.value) == "only slow tests match k=yearly; a fast run leaves them out, ask for a slow one"


def test_slow_tests_are_left_out():
    """A fast run leaves the slow tests out."""
    assert planned(SOUND, with_slow=False) == ids(READS, WRITES, OTHER_CLASS, MAIL)


def test_slow_tests_are_included():
    """A slow run has all tests, fast and slow."""
    assert planned(SOUND, with_slow=True, test=("shop.smoke.CartTest",)) == ids(READS, WRITES, SLOW)


@pytest.mark.parametrize("found", [make_found(), make_found(SLOW)])
def test_nothing_found_is_no_error(found):
    """Without a selection an empty plan is no error: the report tells that nothing was found."""
    assert planned(found, with_slow=False) == []


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"app": ("bank",)},
        {"test": ("bank",)},
        {"test": ("bank.smoke.loans",)},
        {"test": ("bank.smoke.loans.LoanTest.test_interest",)},
        {"tag": ("eu",)},
        {"exclude_tag": ("db",)},
        {"k": ("interest",)},
    ],
)
def test_broken_module_is_kept(words):
    """A module that would not load stays in the plan wherever it may hold what is asked for, with its result."""
    plan = make_plan(WITH_BROKEN, Selection(**words), LIMITS, with_slow=False)

    assert plan.known == {"bank.smoke.loans": PROBLEM}
    assert "bank.smoke.loans" in [step.id for step in plan.steps]


@pytest.mark.parametrize(
    "words",
    [
        {"app": ("shop",)},
        {"test": ("shop",)},
        {"test": ("shop.smoke.CartTest.test_reads",)},
        {"app": ("shop",), "tag": ("eu",)},
    ],
)
def test_broken_module_is_left_out(words):
    """A module that would not load is left out where it surely holds nothing that is asked for."""
    plan = make_plan(WITH_BROKEN, Selection(**words), LIMITS, with_slow=False)

    assert plan.known == {}
    assert [step.id for step in plan.steps] == ids(READS)


def test_broken_module_beside_a_longer_name():
    """A module whose name merely begins like the one asked for is left out."""
    with pytest.raises(SelectionError):
        planned(WITH_BROKEN, test=("bank.smoke.loans_abroad.LoanTest",))


def test_limits():
    """A test has its own limit, or that of the fast or of the slow tests."""
    found = make_found(
        make_spec("a.smoke.ATest.test_fast"),
        make_spec("a.smoke.ATest.test_own", timeout_seconds=0.5),
        make_spec("a.smoke.ATest.test_slow", is_slow=True),
        make_spec("a.smoke.ATest.test_slow_own", is_slow=True, timeout_seconds=600.0),
    )

    plan = make_plan(found, Selection(), Limits(fast_seconds=3, slow_seconds=33), with_slow=True)

    assert [step.timeout_seconds for step in plan.steps] == [3, 0.5, 33, 600.0]


def test_step_has_all_that_was_decided():
    """A step takes its marks from the spec, the tags in order."""
    spec = make_spec(
        "a.smoke.ATest.test_it", tags=frozenset("cab"), is_slow=True, is_rolled_back=False, scopes=("a.smoke",)
    )

    (step,) = make_plan(make_found(spec), Selection(), LIMITS, with_slow=True).steps

    assert step.test_class == "a.smoke.ATest"
    assert (step.is_slow, step.is_rolled_back, step.tags, step.scopes) == (True, False, ("a", "b", "c"), ("a.smoke",))


def scoped(test_id, *scopes, **values):
    return make_spec(test_id, scopes=scopes, **values)


def keeps(*specs):
    return [step.keeps for step in make_plan(make_found(*specs), Selection(), LIMITS, with_slow=True).steps]


def test_keeps_what_the_next_needs():
    """After a test those scopes stay, from the outermost on, that the next test has too."""
    assert keeps(
        scoped("m.A.a", "m", "m.A"),
        scoped("m.A.b", "m", "m.A"),
        scoped("m.B.c", "m", "m.B"),
        scoped("m.C.d", "m"),
        scoped("n.A.e", "n", "n.A"),
        scoped("o.A.f"),
        scoped("o.B.g", "o.B"),
    ) == [2, 1, 1, 0, 0, 0, 0]


def test_keeps_nothing_across_commits():
    """Fixtures that are rolled back and ones that are not are never shared."""
    assert keeps(
        scoped("m.A.a", "m", "m.A"),
        scoped("m.A.b", "m", "m.A", is_rolled_back=False),
        scoped("m.A.c", "m", "m.A", is_rolled_back=False),
        scoped("m.A.d", "m", "m.A"),
    ) == [0, 2, 0, 0]


def test_keeps_is_of_what_runs():
    """What is left out of a run does not count as the next test."""
    found = make_found(
        scoped("m.A.a", "m", "m.A"), scoped("m.B.slow", "m", "m.B", is_slow=True), scoped("m.A.z", "m", "m.A")
    )

    plan = make_plan(found, Selection(), LIMITS, with_slow=False)

    assert [step.keeps for step in plan.steps] == [2, 0]


def test_units():
    """Neighbours that share fixtures are one unit; what has a result already is in none."""
    found = make_found(
        scoped("m.A.a", "m"),
        scoped("m.B.b", "m"),
        BROKEN,
        make_spec("n.C.c"),
        make_spec("n.C.d"),
        broken={BROKEN.id: PROBLEM},
    )

    plan = make_plan(found, Selection(), LIMITS, with_slow=True)

    assert [[step.id for step in unit] for unit in plan.units()] == [["m.A.a", "m.B.b"], ["n.C.c"], ["n.C.d"]]


def test_unit_ends_with_its_scope_beside_a_broken_test():
    """A test that has a result already and is the last of its class ends the unit like any other."""
    twin = scoped("m.A.b", "m.A")
    found = make_found(scoped("m.A.a", "m.A"), twin, make_spec("n.C.c"), broken={twin.id: PROBLEM})

    plan = make_plan(found, Selection(), LIMITS, with_slow=True)

    assert [[step.id for step in unit] for unit in plan.units()] == [["m.A.a"], ["n.C.c"]]
