"""The monitor's URL: `/smoketest/`."""

from contextlib import closing
from threading import Barrier, Thread

import pytest
from django.db import connections
from django.test import RequestFactory

from smoketest import inline, views
from tests import waiting
from tests.app.conftest import Caller
from tests.app.flights import followers
from tests.live.gate import Gate
from tests.project.hanging import smoke as hanging_smoke
from tests.project.shop.models import FooModel
from tests.project.standing import smoke as standing_smoke


def rows():
    return {alias: set(FooModel.objects.using(alias).values_list("name", flat=True)) for alias in connections}


def no_rows():
    return {alias: set() for alias in connections}


@pytest.mark.usefixtures("row")
def test_fast__pass(project, stranger):
    """When all passed the answer is 200 and begins with PASS; slow tests are left out."""
    project("shop")

    response = stranger.get("/smoketest/")

    lines = response.content.decode().splitlines()
    assert response.status_code == 200
    assert lines[:6] == [
        "PASS",
        "test classes: 2",
        "tests run: 4",
        "tests passed: 4",
        "tests failed: 0",
        "tests errored: 0",
    ]
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["Vary"] == "Accept"


def test_fast__fail(project, stranger):
    """When a test failed the answer is 500 and begins with FAIL; a stranger sees ids, no detail."""
    project("shop")

    response = stranger.get("/smoketest/")

    text = response.content.decode()
    assert response.status_code == 500
    assert text.startswith("FAIL\n")
    assert text.endswith("\n\ntests.project.shop.smoke.DemoTest.test_foomodel_reads failed\n")


def test_fast__detail_for_token(project, operator):
    """With a token the message and traceback follow."""
    project("shop")

    text = operator.get("/smoketest/").content.decode()

    assert "    False is not true\n    Traceback (most recent call last):\n" in text
    assert "self.assertTrue(cnt > 0)" in text


def test_fast__fail_status(project, stranger):
    """SMOKETEST_FAIL_STATUS is the status of FAIL."""
    project("outcomes", fail_status=503)

    assert stranger.get("/smoketest/").status_code == 503


@pytest.mark.usefixtures("row")
def test_fast__head(project, stranger):
    """HEAD has the status of GET and no body."""
    project("shop")

    response = stranger.head("/smoketest/")

    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("query", [{}, {"k": ""}])
def test_fast__head_sends_no_body(project, query):
    """The body is left out here, not by the server, some of which warn of each; its length is told."""
    project("together")
    view = views.FastView.as_view()

    got = view(RequestFactory().get("/smoketest/", query))
    headed = view(RequestFactory().head("/smoketest/", query))

    assert (headed.status_code, headed.content) == (got.status_code, b"")
    assert len(headed.headers["Content-Length"]) == len(str(len(got.content)))


def test_fast__post_is_405(project, stranger):
    """Another method is refused with what is allowed, in the format asked for."""
    project("shop")

    response = stranger.post("/smoketest/", headers={"accept": "application/json"})

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert response.headers["Content-Type"] == "application/problem+json; charset=utf-8"


@pytest.mark.parametrize(
    "app", ["empty", "slow_only", "skipped", "broken_import", "broken_syntax", "broken_error", "broken_exit"]
)
def test_fast__never_green_by_accident(project, stranger, app):
    """Nothing found, only slow tests, all skipped, or a module that won't load: FAIL."""
    project(app)

    response = stranger.get("/smoketest/")

    assert (response.status_code, response.content[:5]) == (500, b"FAIL\n")


def test_fast__says_why_nothing_ran(project, stranger):
    """A run of no tests says so."""
    project("empty")

    assert stranger.get("/smoketest/").content.decode().endswith("\n\nno test was found to run\n")


def test_fast__import_error_is_a_result(project, operator):
    """A module that would not load is one errored result beside the other tests."""
    project("nested")

    outcomes = operator.outcomes()

    assert outcomes == {
        "alpha": ("errored", "import"),
        "TopTest.test_top": ("passed", None),
        "beta.BetaTest.test_inherited": ("passed", None),
        "deep.deeper.gamma.GammaTest.test_gamma": ("passed", None),
    }


def test_fast__each_ending_is_a_result(project, operator):
    """Whatever a test raises is its own result, and the others run."""
    project("outcomes")

    outcomes = operator.outcomes(test="tests.project.outcomes.smoke.EndingsTest")

    assert outcomes["EndingsTest.test_exits"] == ("errored", "exception")
    assert outcomes["EndingsTest.test_is_interrupted"] == ("errored", "exception")
    assert outcomes["EndingsTest.test_fails"] == ("failed", None)
    assert outcomes["EndingsTest.test_skips"] == ("skipped", None)
    assert outcomes["EndingsTest.test_b_language_is_the_settings_own"] == ("passed", None)
    assert len(outcomes) == 19


def test_fast__invariants(project, operator):
    """Every planned test is reported once, and the counts add up."""
    project("outcomes", "nested", "fixtures", "fixtures_broken", "refused")

    report = operator.report()

    ids = [each["id"] for each in report["results"]]
    assert len(ids) == len(set(ids)) == report["tests_total"]
    assert report["tests_run"] == report["tests_passed"] + report["tests_failed"] + report["tests_errored"]
    assert report["tests_total"] == report["tests_run"] + report["tests_skipped"]


def test_fast__everything_is_rolled_back(project, operator):
    """What tests write is rolled back in every configured database, and the next test sees none of it."""
    project("writers")

    outcomes = operator.outcomes(k="WritesTest")

    assert outcomes.pop("WritesTest.test_broken_transaction") == ("errored", "exception")
    assert set(outcomes.values()) == {("passed", None)}
    assert rows() == no_rows()


def test_fast__no_way_to_commit(project, operator):
    """Each way to commit through Django is refused in every database, also where the test swallows the refusal."""
    project("writers")

    outcomes = operator.outcomes(k="EscapesTest.test_commit")

    assert outcomes == {
        "EscapesTest.test_commit_by_api": ("errored", "guard"),
        "EscapesTest.test_commit_by_sql": ("errored", "guard"),
        "EscapesTest.test_commit_by_sql_with_a_comment": ("errored", "guard"),
        "EscapesTest.test_commit_swallowed": ("errored", "guard"),
    }
    assert rows() == no_rows()


@pytest.mark.needs("mariadb")
@pytest.mark.needs("postgresql")
def test_fast__ddl(project, operator):
    """DDL is rolled back where the database can, and refused where it would commit."""
    project("writers")

    report = operator.report(k="test_ddl")

    assert report["results"][0]["cause"] == "guard"
    assert report["results"][0]["message"].count("CREATE TABLE") == 1
    assert rows() == no_rows()
    for connection in connections.all():
        assert "escaped" not in connection.introspection.table_names()


def test_fast__on_commit(project, operator):
    """`captureOnCommitCallbacks` does what Django's TestCase does, in every database."""
    project("writers")

    results = operator.report(test="tests.project.writers.smoke.OnCommitTest")["results"]

    assert len(results) == 7
    assert {each["id"]: each.get("message", "") for each in results if each["outcome"] != "passed"} == {}


def test_fast__other_databases_are_refused(project, operator):
    """A class that names its databases can touch no other."""
    project("writers")

    assert operator.outcomes(k="NarrowTest") == {
        "NarrowTest.test_another": ("errored", "guard"),
        "NarrowTest.test_its_own": ("passed", None),
    }


def test_fast__commits(project, operator):
    """`@commits` is the one way out of the guard, and the result says so."""
    project("writers")

    report = operator.report(k="CommitsTest")

    names = rows()["default"]
    FooModel.objects.all().delete()
    assert names == {"meant to stay"}
    assert [each.get("warnings") for each in report["results"]] == [
        None,
        ["marked @commits: what it wrote to the databases stays"],
    ]


def test_fast__class_fixture_data(project, operator):
    """Data of setUpClass is there for each test of the class, whatever another has done, and gone afterwards."""
    project("writers")

    outcomes = operator.outcomes(k="ClassDataTest")

    assert set(outcomes.values()) == {("passed", None)}
    assert rows() == no_rows()


def test_fast__two_first_requests(project, operator, monkeypatch):
    """Two requests that are the first of a process at once share its lanes: a test that hangs is begun once."""
    project("shop")
    inline._shared.clear()
    both, made = Barrier(2, timeout=10), []

    class LanesOfBoth(inline.Lanes):
        def __init__(self, *args):
            super().__init__(*args)
            both.wait()

        def run(self, *args, **words):
            made.append(self)
            return super().run(*args, **words)

    monkeypatch.setattr(inline, "Lanes", LanesOfBoth)
    threads = [Thread(target=operator.report, kwargs=query) for query in ({}, {"k": "foomodel"})]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    inline._shared.clear()

    assert len(made) == 2
    assert made[0] is made[1]


def test_fast__database_down(project, operator, monkeypatch):
    """With a database down the answer is a report with errored tests."""
    project("shop")
    monkeypatch.setitem(connections.settings["default"], "NAME", "/nonexistent/db.sqlite3")
    inline._shared.clear()  # those that live on have their connections already

    report = operator.report()
    inline._shared.clear()

    assert report["status"] == "FAIL"
    assert report["errored_tests"] == [
        "tests.project.shop.smoke.DemoTest.test_foomodel_reads",
        "tests.project.shop.smoke.DemoTest.test_foomodel_writes",
    ]
    assert report["tests_passed"] == 2


@pytest.mark.usefixtures("hanging")
def test_fast__hang(project, operator):
    """A test that hangs is left at its limit: the answer comes, the test is errored with where it was."""
    project("hanging")

    report = operator.report(k="HangingTest")

    assert report["timed_out_tests"] == ["tests.project.hanging.smoke.HangingTest.test_b_hangs"]
    assert report["tests_passed"] == 2
    assert "event.wait()" in report["results"][1]["traceback"]
    assert report["results"][1]["cause"] == "timeout"


def test_fast__fixtures_before_a_test_that_hangs(project, operator):
    """Class fixtures are torn down after the last test that is begun, where a later one still hangs and is not."""
    project("standing")
    standing_smoke.event.clear()
    standing_smoke.fixtures.clear()
    operator.report()
    first = list(standing_smoke.fixtures)

    again = operator.outcomes()
    second = standing_smoke.fixtures[len(first) :]
    standing_smoke.event.set()
    waiting.until(lambda: not standing_smoke.hanging, what="the hanging test ends")

    assert first == ["up"]
    assert again == {
        "StandingTest.test_a_passes": ("passed", None),
        "StandingTest.test_b_hangs": ("errored", "timeout"),
    }
    assert second == ["up", "down"]


def test_fast__fixtures_before_a_test_that_hangs_meanwhile(project, operator):
    """They are torn down too where it is another request's run in which that test begins to hang."""
    project("standing")
    standing_smoke.event.clear()
    standing_smoke.fixtures.clear()
    other = Thread(target=operator.report, kwargs={"k": "test_b_hangs"})
    other.start()
    waiting.until(lambda: standing_smoke.hanging, what="the test hangs")

    outcomes = operator.outcomes()
    other.join()

    assert outcomes["StandingTest.test_a_passes"] == ("passed", None)
    assert outcomes["StandingTest.test_b_hangs"] == ("errored", "timeout")
    waiting.until(lambda: standing_smoke.fixtures == ["up", "up", "down"], what="what stood is torn down", seconds=10)
    standing_smoke.event.set()
    waiting.until(lambda: not standing_smoke.hanging, what="the hanging test ends")


def test_fast__async_hang(project, operator):
    """What is awaited for too long is cancelled at the limit, and leaves no thread behind."""
    project("hanging")
    awaits = []

    def is_cancelled():
        result, by_itself = operator.report(k="AwaitingTest")["results"]
        awaits.append(result)
        assert (result["cause"], by_itself["cause"]) == ("timeout", "exception")
        return result["message"] == "TimeLimitExceeded: timed out in what it awaits"

    # A machine that stands still just then may have its thread left first; the next run starts anew.
    waiting.until(is_cancelled, what="what is awaited is cancelled")

    assert "await asyncio.sleep(600)" in awaits[-1]["traceback"]
    assert is_cancelled()


@pytest.mark.usefixtures("hanging")
def test_fast__budget(project, operator):
    """What the budget leaves no time for is errored as not run."""
    project("hanging", budget=0.2, concurrency=1)

    assert operator.outcomes(k="HangingTest") == {
        "HangingTest.test_a_passes": ("passed", None),
        "HangingTest.test_b_hangs": ("errored", "timeout"),
        "HangingTest.test_c_passes": ("errored", "not_run"),
    }


def test_fast__cache(project, stranger, operator):
    """With SMOKETEST_CACHE_SECONDS a report is served again, with its age, and without the first caller's detail."""
    project("outcomes", cache_seconds=60)
    first = operator.report()

    second = stranger.report()

    assert second["finished_at"] == first["finished_at"]
    assert "results" not in second


def test_fast__cache_of_the_same_tests(project, stranger):
    """Other words that pick the same tests get the same report: there is no way around what is kept."""
    project("outcomes", cache_seconds=60)

    first = stranger.report(k="EndingsTest")
    second = stranger.report(k=["nothing", "EndingsTest"])

    assert second["finished_at"] == first["finished_at"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("app=shop", 4),
        ("app=tests.project.nested", 4),
        ("app=shop&app=nested", 8),
        ("tag=money", 2),
        ("tag=money&exclude_tag=paper", 1),
        ("test=tests.project.shop.smoke.TillTest", 2),
        ("test=tests.project.shop.smoke.TillTest.test_prints", 1),
        ("app=shop&k=foomodel", 2),
        ("app=shop&cachebuster=1", 4),
    ],
)
def test_fast__selection(project, operator, query, expected):
    """The words of a selection pick tests; unknown parameters are ignored."""
    project("shop", "nested")

    report = operator.report(f"/smoketest/?{query}")

    broken = {"tests.project.nested.smoke.alpha"} if "tag" in query else set()
    assert len({each["id"] for each in report["results"]} - broken) == expected


@pytest.mark.parametrize(
    ("query", "culprit"),
    [
        ("app=nowhere", "no test matches app=nowhere"),
        ("test=tests.project.shop.smoke.Til", "no test matches test=tests.project.shop.smoke.Til"),
        ("app=slow_only", "only slow tests match app=slow_only"),
        ("k=", "k= is empty"),
        ("format=xml", "format=xml is not known; the formats are text, json, html, health, junit"),
    ],
)
def test_fast__bad_parameter(project, stranger, query, culprit):
    """What can't be selected is a 400 that names the culprit, never an empty PASS."""
    project("shop", "slow_only")

    response = stranger.get(f"/smoketest/?{query}")

    assert response.status_code == 400
    assert culprit in response.content.decode()


def test_fast__no_import_by_request(project, stranger):
    """A request can't make the process import a module by its name."""
    project("shop")

    response = stranger.get("/smoketest/?test=tests.project.hostile.smoke.CrashTest.test_exits_at_once")

    assert response.status_code == 400


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "text/plain"),
        ("*/*", "text/plain"),
        ("application/json", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text/html"),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "text/html"),
        ("application/json; charset=utf-8", "application/json"),
        ("text/html; a*=nothing''known", "text/html"),
        ("application/json;q=0.1, text/plain;q=0.9", "text/plain"),
        ("application/json;q=0", "text/plain"),
        ("application/*", "application/json"),
        ("image/png", "text/plain"),
        (";;;,,q=x/;", "text/plain"),
        ("", "text/plain"),
    ],
)
def test_fast__accept(project, stranger, accept, content_type):
    """The Accept header chooses the format, and an odd one is never an error."""
    project("shop")

    response = stranger.get("/smoketest/", headers={} if accept is None else {"accept": accept})

    assert response.headers["Content-Type"] == f"{content_type}; charset=utf-8"


def test_fast__bad_setting(project, stranger):
    """A wrong setting is named in the answer: a server starts without Django's checks."""
    project("shop", timeout="5s")

    response = stranger.get("/smoketest/")

    assert response.status_code == 500
    assert "SMOKETEST_TIMEOUT can't be used" in response.content.decode()


def test_fast__nothing_is_green_that_did_not_run(project, operator):
    """A test that returns something has not run: what is awaitable is awaited, anything else is an error."""
    project("outcomes")

    assert operator.outcomes(k="NeverRunsTest") == {
        "NeverRunsTest.test_wrapped_coroutine": ("failed", None),
        "NeverRunsTest.test_yields": ("errored", "exception"),
        "NeverRunsTest.test_yields_async": ("errored", "exception"),
    }


@pytest.mark.parametrize("format_name", ["text", "json"])
def test_fast__odd_tests(project, operator, format_name):
    """Skipped subtests are no errors, a message may hold what no encoding takes, and stdout stays open."""
    project("outcomes")

    response = operator.get(f"/smoketest/?k=OddTest&format={format_name}")
    outcomes = operator.outcomes(k="OddTest")

    assert response.status_code == 500
    assert "file \\udcff" in response.content.decode().replace("\\\\", "\\")
    assert outcomes == {
        "OddTest.test_a_subtest_is_skipped": ("passed", None),
        "OddTest.test_all_subtests_are_skipped": ("skipped", None),
        "OddTest.test_closes_stdout": ("passed", None),
        "OddTest.test_odd_characters": ("failed", None),
    }


def test_fast__access_that_raises(project, stranger):
    """A function of the project's own that raises lets nobody in, and the monitor has its answer."""
    project("shop", access="tests.app.test_fast.raises")

    response = stranger.get("/smoketest/")

    assert response.content.startswith(b"FAIL\n")
    assert b"Traceback" not in response.content


def raises(request):
    raise ConnectionError(request.path)


def test_fast__shared_fixtures_take_turns(project):
    """Two runs at once of a class with fixtures don't meet in them."""
    project("together")
    reports = []

    def ask(query):
        reports.append(Caller(headers={"authorization": "Bearer new-token"}).report(f"/smoketest/?{query}"))

    threads = [Thread(target=ask, args=(query,)) for query in ("k=test_a", "app=together")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [report["status"] for report in reports] == ["PASS", "PASS"], reports


@pytest.mark.parametrize("_", range(3))
def test_fast__parallel_writers(project, operator, _):
    """Side by side, tests that write to every database neither lock each other out nor leave anything."""
    project("writers", "fixtures", "together", concurrency=8)

    writers = operator.outcomes(k="WritesTest") | operator.outcomes(k="ClassDataTest")
    escapes = operator.outcomes(k="EscapesTest.test_commit")
    others = operator.outcomes(app="fixtures") | operator.outcomes(app="together")

    assert writers.pop("WritesTest.test_broken_transaction") == ("errored", "exception")
    assert set(writers.values()) | set(others.values()) == {("passed", None)}
    assert set(escapes.values()) == {("errored", "guard")}
    assert rows() == no_rows()


def test_fast__single_flight(project, monkeypatch):
    """Those who ask for the same tests at the same time share one run, whatever their words."""
    project("gated", timeout=waiting.LIMIT_SECONDS, budget=2 * waiting.LIMIT_SECONDS)
    reports = []
    threads = [
        Thread(
            target=lambda words: reports.append(Caller(headers={"authorization": "Bearer new-token"}).report(k=words)),
            args=([f"nothing{number}", "test_a"],),
            daemon=True,
        )
        for number in range(5)
    ]

    with closing(Gate()) as gate:
        monkeypatch.setenv("SMOKETEST_TEST_GATE", str(gate.path))
        for thread in threads:
            thread.start()
        gate.wait_for(1)
        waiting.until(lambda: followers() == 4, what="all but one wait")
        gate.open()
        for thread in threads:
            thread.join()
        begun = gate.begun()

    assert begun == ["test_a"]
    assert [report["tests_passed"] for report in reports] == [1] * 5
    assert len({report["finished_at"] for report in reports}) == 1


def test_fast__still_hanging(project, operator, hanging):
    """While a test hangs later runs say since when, without beginning it again, and when it ends it is taken up."""
    project("hanging")
    operator.report(k="HangingTest")

    again = operator.report(k="HangingTest")
    hanging.set()
    waiting.until(lambda: not hanging_smoke.hanging, what="the hanging test ends")
    mended = waiting.until(
        lambda: operator.report(k="HangingTest")["tests_passed"] == 3, what="the test is taken up again"
    )

    (result,) = (each for each in again["results"] if each.get("cause") == "timeout")
    assert result["message"].startswith("still hanging since 20")
    assert "event.wait()" in result["traceback"]
    assert mended
