"""What discovery finds, and what becomes of what would not load."""

import pytest

from smoketest import SmokeTest, slow
from smoketest.results import Cause, Outcome
from smoketest.suite.discover import App, discover
from tests.core.making import make_app, names


def found_in(*apps):
    return discover(tuple(make_app(app) for app in apps))


def spec_of(found, name):
    return next(spec for spec in found.specs if spec.id.endswith(name))


def test_ids_and_apps():
    """A test's id is `module.Class.method`, and its spec names its app both ways."""
    found = discover((App(name="tests.project.shop", label="the_shop"),))

    spec = spec_of(found, "TillTest.test_adds_up")
    assert spec.id == "tests.project.shop.smoke.TillTest.test_adds_up"
    assert spec.test_class == "tests.project.shop.smoke.TillTest"
    assert (spec.app, spec.app_label) == ("tests.project.shop", "the_shop")
    assert found.classes[spec.id].__name__ == "TillTest"


def test_order():
    """Apps come as given, then modules, classes and methods by name."""
    found = found_in("shop", "nested", "fixtures")

    assert names(spec.id for spec in found.specs) == [
        "DemoTest.test_foomodel_reads",
        "DemoTest.test_foomodel_writes",
        "DemoTest.test_something_slow",
        "TillTest.test_adds_up",
        "TillTest.test_prints",
        "TopTest.test_top",
        "alpha",
        "beta.BetaTest.test_inherited",
        "deep.deeper.gamma.GammaTest.test_gamma",
        "deep.deeper.gamma.GammaTest.test_slow_gamma",
        "FirstTest.test_a",
        "FirstTest.test_b",
        "SecondTest.test_c",
    ]


def test_order_follows_the_apps():
    """The order of the apps is the caller's."""
    found = found_in("fixtures", "shop")

    assert [spec.app_label for spec in found.specs] == ["fixtures"] * 3 + ["shop"] * 5


def test_package_at_any_depth():
    """In a package every module below it is searched, whatever the depth."""
    found = found_in("nested")

    assert spec_of(found, "GammaTest.test_gamma").id == (
        "tests.project.nested.smoke.deep.deeper.gamma.GammaTest.test_gamma"
    )


def test_imported_classes_are_not_found_again():
    """A class belongs to the module that defines it."""
    found = found_in("nested")

    assert [spec.id for spec in found.specs if spec.id.endswith("test_top")] == [
        "tests.project.nested.smoke.TopTest.test_top"
    ]


def test_abstract_bases_are_not_run():
    """`abstract = True` keeps a class from being run, and not those that derive from it."""
    found = found_in("nested")

    assert {spec.test_class for spec in found.specs if spec.id.endswith("test_inherited")} == {
        "tests.project.nested.smoke.beta.BetaTest"
    }


def test_class_under_two_names(write_app):
    """A class that its module names twice is found once."""
    app = write_app(
        "two_names",
        smoke="""
            from smoketest import SmokeTest
            class RealTest(SmokeTest):
                def test_it(self): pass
            AliasTest = RealTest
        """,
    )

    found = discover((app,))

    assert [spec.id for spec in found.specs] == ["two_names.smoke.RealTest.test_it"]


def test_class_in_a_function_has_its_qualified_name(write_app):
    """A class made by a function is known by its qualified name."""
    app = write_app(
        "made",
        smoke="""
            from smoketest import SmokeTest
            def make():
                class MadeTest(SmokeTest):
                    def test_it(self): pass
                return MadeTest
            made = make()
        """,
    )

    found = discover((app,))

    assert [spec.test_class for spec in found.specs] == ["made.smoke.make.<locals>.MadeTest"]


def test_main_module_is_not_imported(write_app):
    """The `__main__` of a package is for running, not for importing."""
    app = write_app("runnable", smoke__slash____init__="", smoke__slash____main__="raise SystemExit")

    found = discover((app,))

    assert found.specs == ()


@pytest.mark.parametrize("app", [make_app("empty"), App(name="tests.waiting", label="waiting")])
def test_app_without_smoke(app):
    """An app without smoke tests is fine, also one that is no package."""
    found = discover((app,))

    assert found.specs == ()


@pytest.mark.parametrize(
    ("app", "module", "message", "trace"),
    [
        ("broken_import", "smoke", "ModuleNotFoundError: No module named 'a_module_that_is_not_there'", "import a_mod"),
        ("broken_syntax", "smoke", "SyntaxError: ", "def broken(:"),
        ("broken_error", "smoke", "ValueError: not loadable", 'raise ValueError("not loadable")'),
        ("broken_exit", "smoke", "SystemExit: 0", "sys.exit(0)"),
        ("nested", "smoke.alpha", "LookupError: alpha would not load", "raise LookupError"),
    ],
)
def test_module_that_would_not_load(app, module, message, trace):
    """A module that would not load is one errored result with its name as id, the exception and where it came from."""
    name = f"tests.project.{app}.{module}"

    found = found_in(app)

    problem = found.broken[name]
    assert (problem.id, problem.outcome, problem.cause) == (name, Outcome.ERRORED, Cause.IMPORT)
    assert problem.message.startswith(f"{name} would not load: {message}")
    assert trace in problem.traceback
    assert "importlib" not in problem.traceback
    assert "smoketest/suite" not in problem.traceback
    assert spec_of(found, name).test_class == ""
    assert name not in found.classes


def test_missing_module_deep_inside(write_app):
    """A `smoke` that is there and fails over another import does not count as absent."""
    app = write_app("inner", smoke="from inner import lower", lower="import inner.smoke_that_is_not_there")

    found = discover((app,))

    assert list(found.broken) == ["inner.smoke"]
    assert "No module named 'inner.smoke_that_is_not_there'" in found.broken["inner.smoke"].message


def test_package_that_would_not_load(write_app):
    """A package that would not load is one result, for itself and what is below it."""
    app = write_app("pack", smoke__slash____init__="raise RuntimeError('no')", smoke__slash__below="")

    found = discover((app,))

    assert list(found.broken) == ["pack.smoke"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ForgottenTest", "is a unittest.TestCase but no smoke test, so it would never run"),
        ("DjangoTest", "derives from one of Django's test classes, which change the whole process"),
        ("BothTest", "derives from one of Django's test classes, which change the whole process"),
        ("LoopTest", "derives from IsolatedAsyncioTestCase, whose event loop works outside the guard"),
        ("HalfAsyncTest", "has asyncSetUp or asyncTearDown, which would never be called"),
        ("LimitTest", "can't be run: timeout is '5s'; a number of seconds is wanted"),
    ],
)
def test_refused_class(name, reason):
    """A class that can't be run safely is one errored result that says why."""
    found = found_in("refused")

    problem = found.broken[f"tests.project.refused.smoke.{name}"]
    assert (problem.outcome, problem.cause) == (Outcome.ERRORED, Cause.IMPORT)
    assert problem.message.startswith(f"tests.project.refused.smoke.{name} {reason}")


def test_refused_class_leaves_the_others():
    """The other classes of a module with a refused one are found."""
    found = found_in("refused")

    assert names(found.classes) == ["GoodTest.test_runs"]


@pytest.mark.parametrize("limit", ["[5]", "{}", "10**400", "-1", "float('nan')", "True"])
def test_bad_limit_in_the_body(write_app, limit):
    """Whatever stands as a limit in a class body is a result, never an error of discovery."""
    app = write_app(
        "limited",
        smoke=f"""
            from smoketest import SmokeTest
            class LimitedTest(SmokeTest):
                timeout = {limit}
                def test_it(self): pass
            class OtherTest(SmokeTest):
                def test_it(self): pass
        """,
    )

    found = discover((app,))

    assert "can't be run: timeout is " in found.broken["limited.smoke.LimitedTest"].message
    assert list(found.classes) == ["limited.smoke.OtherTest.test_it"]


@pytest.mark.parametrize(
    ("fixture", "why"),
    [
        ("async def setUp(self): pass", "setUp is async and would never be awaited"),
        ("async def tearDown(self): pass", "tearDown is async and would never be awaited"),
        ("async def setUpClass(self): pass", "setUpClass is async and would never be awaited"),
        ("async def tearDownClass(self): pass", "tearDownClass is async and would never be awaited"),
        ("def setUp(self): yield", "setUp has a `yield` in it and would never run"),
        ("async def tearDown(self): yield", "tearDown has a `yield` in it and would never run"),
    ],
)
def test_fixture_that_would_not_run_is_refused(write_app, fixture, why):
    """A class with a fixture of which nothing would run does not load."""
    app = write_app(
        "awaiting",
        smoke=f"""
            from smoketest import SmokeTest
            class AwaitingTest(SmokeTest):
                {fixture}
                def test_it(self): pass
        """,
    )

    found = discover((app,))

    problem = found.broken["awaiting.smoke"]
    assert f"AwaitingTest.{why}" in problem.message


def test_duplicate_id(write_app):
    """Two tests of one id are one errored result, and neither is run."""
    app = write_app(
        "twins",
        smoke="""
            from smoketest import SmokeTest
            def make():
                class TwinTest(SmokeTest):
                    def test_it(self): pass
                return TwinTest
            One, Two, Three = make(), make(), make()
        """,
    )

    found = discover((app,))

    name = "twins.smoke.make.<locals>.TwinTest.test_it"
    assert [spec.id for spec in found.specs] == [name]
    assert found.broken[name].message == f"{name} is the id of two tests; give their classes different names"
    assert name not in found.classes


def test_module_of_two_apps():
    """A module that two apps reach counts once, for the first."""
    found = discover((make_app("shop"), App(name="tests.project.shop", label="again")))

    assert {spec.app_label for spec in found.specs} == {"shop"}
    assert found.broken == {}


def test_marks():
    """The spec holds the marks of the method, else of the class; tags add up."""
    found = found_in("shop", "writers", "hostile")

    assert spec_of(found, "test_prints").tags == {"money", "paper"}
    assert spec_of(found, "test_adds_up").tags == {"money"}
    assert spec_of(found, "test_something_slow").is_slow
    assert not spec_of(found, "test_foomodel_reads").is_slow
    assert not spec_of(found, "test_stays").is_rolled_back
    assert spec_of(found, "test_does_not_stay").is_rolled_back
    assert spec_of(found, "HangTest.test_sleeps").timeout_seconds == 0.5
    assert spec_of(found, "CrashTest.test_segfaults").timeout_seconds is None


def test_scopes():
    """The scopes of a test are its module and its class, where they have fixtures of their own."""
    found = found_in("fixtures", "fixtures_broken", "shop")

    module, classes = "tests.project.fixtures.smoke", "tests.project.fixtures_broken.smoke"
    assert spec_of(found, "FirstTest.test_a").scopes == (module, f"{module}.FirstTest")
    assert spec_of(found, "SecondTest.test_c").scopes == (module,)
    assert spec_of(found, "TearDownClassTest.test_a").scopes == (f"{classes}.TearDownClassTest",)
    assert spec_of(found, "TillTest.test_adds_up").scopes == ()


def test_inherited_class_fixtures_are_a_scope(write_app):
    """A class has a scope of its own also where its fixtures come from a base."""
    app = write_app(
        "heirs",
        smoke="""
            from smoketest import SmokeTest
            class BaseTest(SmokeTest):
                @classmethod
                def setUpClass(cls): pass
            class HeirTest(BaseTest):
                def test_it(self): pass
        """,
    )

    found = discover((app,))

    assert [spec.scopes for spec in found.specs] == [("heirs.smoke.HeirTest",)]


def test_once_a_process():
    """The same apps are searched once: afterwards the same value is there."""
    first = found_in("shop", "nested")

    again = found_in("shop", "nested")

    assert again is first


def test_folder_without_init(write_app):
    """Modules in a folder without `__init__.py` are found as well."""
    app = write_app(
        "shelf",
        smoke__slash____init__="",
        smoke__slash__deep__slash__mail="""
            from smoketest import SmokeTest


            class MailTest(SmokeTest):
                def test_sends(self):
                    pass
        """,
    )

    found = discover((app,))

    assert [spec.id for spec in found.specs] == ["shelf.smoke.deep.mail.MailTest.test_sends"]


def test_run_test(write_app):
    """A class with nothing but `runTest` is found as unittest finds it."""
    app = write_app(
        "shelf",
        smoke="""
            from smoketest import SmokeTest


            class OnlyTest(SmokeTest):
                def runTest(self):
                    pass
        """,
    )

    found = discover((app,))

    assert [spec.id for spec in found.specs] == ["shelf.smoke.OnlyTest.runTest"]


HELPER = """
    from smoketest import SmokeTest


    class ImportedTest(SmokeTest):
        def test_would_run_nowhere(self):
            pass
"""


def test_imported_class_without_a_home(write_app):
    """A class with tests that is only imported, from where no smoke module is, is told of: it would run nowhere."""
    app = write_app("shelf", helper=HELPER, smoke="from shelf.helper import ImportedTest")

    found = discover((app,))

    assert list(found.broken) == ["shelf.helper.ImportedTest"]
    assert "shelf.helper is no smoke module" in found.broken["shelf.helper.ImportedTest"].message


def test_imported_class_that_is_derived_from(write_app):
    """An imported class from which another derives is a base, and no reason to complain."""
    app = write_app(
        "shelf",
        helper=HELPER,
        smoke="""
            from shelf.helper import ImportedTest


            class OwnTest(ImportedTest):
                pass
        """,
    )

    found = discover((app,))

    assert [spec.id for spec in found.specs] == ["shelf.smoke.OwnTest.test_would_run_nowhere"]


def test_module_that_raises_a_base_exception(write_app):
    """A module that raises what is no Exception is a result too."""
    app = write_app("shelf", smoke="raise BaseException('outside')")

    found = discover((app,))

    assert found.broken["shelf.smoke"].message == "shelf.smoke would not load: BaseException: outside"


def test_tags_of_a_wrong_type(write_app):
    """Tags that are no set of strings are an errored result, not the end of discovery."""
    app = write_app(
        "shelf",
        smoke="""
            from smoketest import SmokeTest


            class TaggedTest(SmokeTest):
                tags = "mail"

                def test_a(self):
                    pass
        """,
    )

    found = discover((app,))

    assert "tags is 'mail'; a set of strings is wanted" in found.broken["shelf.smoke.TaggedTest"].message


# What a setting lists


class ListedTest(SmokeTest):
    """Stands for a ready-made class."""

    abstract = True

    def test_first(self):
        pass

    @slow
    def test_second(self):
        pass


def listing(path):
    return App(name="tests", label="the_tests", listed=path)


LISTED = f"{__name__}.ListedTest"


def test_listed():
    """A listed class is found without any smoke module, abstract though it is, under its own name."""
    found = discover((listing(LISTED),))

    assert [spec.id for spec in found.specs] == [f"{LISTED}.test_first", f"{LISTED}.test_second"]
    assert [spec.is_slow for spec in found.specs] == [False, True]
    assert {spec.app_label for spec in found.specs} == {"the_tests"}
    assert set(found.classes.values()) == {ListedTest}


def test_listed_by_another_name():
    """A class that is listed by the name of a module that imports it is found once, where it is defined."""
    found = discover((listing(LISTED), listing(f"{__name__}.AGAIN")))

    assert [spec.id for spec in found.specs] == [f"{LISTED}.test_first", f"{LISTED}.test_second"]


AGAIN = ListedTest


def test_listed_and_in_a_smoke_module():
    """A class that stands in a smoke module and is listed too is run once."""
    found = discover((make_app("shop"), listing("tests.project.shop.smoke.DemoTest")))

    ids = [spec.id for spec in found.specs]
    assert len(ids) == len(set(ids))
    assert found.broken == {}


def test_listed_and_derived_from():
    """A smoke module that derives from a listed class has tests of its own."""
    found = discover((make_app("ready_made"), listing("smoketest.contrib.databases.DatabasesTest")))

    ids = [spec.id for spec in found.specs]
    assert "tests.project.ready_made.smoke.Databases.test_answer" in ids
    assert "smoketest.contrib.databases.DatabasesTest.test_answer" in ids
    assert found.broken == {}


def test_listed_and_gone():
    """A listed class that would not load is an errored result that names it."""
    found = discover((listing("tests.nowhere.NowhereTest"),))

    result = found.broken["tests.nowhere.NowhereTest"]
    assert (result.outcome, result.cause) == (Outcome.ERRORED, Cause.IMPORT)
    assert result.message == (
        "'tests.nowhere.NowhereTest' can't be imported: ModuleNotFoundError: No module named 'tests.nowhere'"
    )
