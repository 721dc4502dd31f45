"""The deploy's URLs: `/smoketest/slow/` and `/smoketest/runs/`, on real workers."""

import json
import os
import re
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from django.conf import settings
from django.test import Client, override_settings

from smoketest import tasks
from smoketest.queue import dispatch
from smoketest.record.places import open_places
from tests import waiting
from tests.live.conftest import outcomes_of
from tests.live.gate import Gate
from tests.servers import Worker, children, descendants, is_alive

pytestmark = pytest.mark.live


@pytest.mark.usefixtures("row")
def test_slow__starts_and_passes(queued, redis_server, worker, deployer):
    """A start answers 202 and where to poll; the run ends with every test, slow ones too, exactly once."""
    queued(redis_server, worker, "shop")

    response = deployer.post("/smoketest/slow/")
    report = deployer.final(response.headers["Location"].removeprefix("http://testserver"))

    assert response.status_code == 202
    assert response.headers["Retry-After"] == "1"
    assert re.fullmatch(
        r"http://testserver/smoketest/runs/[0-9a-f]{11}-[0-9a-f]{32}-[0-9a-f]{8}/", response.headers["Location"]
    )
    assert json.loads(response.content)["status"] in ("PENDING", "RUNNING")
    assert report["status"] == "PASS"
    assert [each["id"].rpartition(".")[2] for each in report["results"]] == [
        "test_foomodel_reads",
        "test_foomodel_writes",
        "test_something_slow",
        "test_adds_up",
        "test_prints",
    ]
    assert all(each["waited_ms"] >= 0 and each["duration_ms"] > 0 for each in report["results"])


def test_slow__get_starts_and_head_does_not(queued, redis_server, worker, deployer):
    """GET starts a run as POST does; HEAD, which must be harmless, is refused."""
    queued(redis_server, worker, "nested")

    assert deployer.get("/smoketest/slow/").status_code == 202
    assert deployer.head("/smoketest/slow/").status_code == 405


@pytest.mark.usefixtures("row")
def test_slow__wait(queued, redis_server, worker, deployer):
    """With `wait` the final report is the answer if it is there by then."""
    queued(redis_server, worker, "shop")

    by_query = deployer.post("/smoketest/slow/", query_params={"wait": "20"})
    by_header = deployer.post("/smoketest/slow/", headers={"prefer": "respond-async, wait=20"})

    assert (by_query.status_code, json.loads(by_query.content)["status"]) == (200, "PASS")
    assert (by_header.status_code, json.loads(by_header.content)["status"]) == (200, "PASS")


@pytest.mark.parametrize("wait", ["-1", "soon", "nan"])
def test_slow__bad_wait(queued, redis_server, worker, deployer, wait):
    """A `wait` that is no number of seconds is a 400, and nothing is started."""
    queued(redis_server, worker, "shop")
    before = runs_of(redis_server)

    response = deployer.post("/smoketest/slow/", query_params={"wait": wait})

    assert response.status_code == 400
    assert runs_of(redis_server) == before


def runs_of(server):
    """Return the ids of the recent runs; other keys come and go by themselves."""
    return open_places(server.url).recent_ids()


def test_slow__selection(queued, redis_server, worker, deployer):
    """The words of a selection are those of the fast URL, and nothing selected is a 400."""
    queued(redis_server, worker, "shop", "nested")

    outcomes = deployer.outcomes(test="tests.project.nested.smoke.deep")
    nothing = deployer.post("/smoketest/slow/", query_params={"app": "shop", "tag": "none"})

    assert set(outcomes) == {
        "deep.deeper.gamma.GammaTest.test_gamma",
        "deep.deeper.gamma.GammaTest.test_slow_gamma",
    }
    assert (nothing.status_code, json.loads(nothing.content)["detail"]) == (400, "no test matches app=shop&tag=none")


def test_slow__hangs(queued, redis_server, worker, deployer):
    """A test past its limit ends errored as timed out within a second, however it resists, with where it hung."""
    queued(redis_server, worker, "hostile")

    report = deployer.run(k="HangTest")

    assert set(outcomes_of(report).values()) == {("errored", "timeout")}
    assert report["tests_timed_out"] == report["tests_errored"] == 6
    for each in report["results"]:
        assert 300 <= each["duration_ms"] < 1500
    by_name = {each["id"].rpartition(".")[2]: each for each in report["results"]}
    assert "time.sleep(600)" in by_name["test_sleeps"]["traceback"]
    assert "in test_holds_the_interpreter" in by_name["test_holds_the_interpreter"]["traceback"]


def test_slow__crashes(queued, redis_server, worker, deployer):
    """A test whose process dies is errored as crashed, with the signal or exit code."""
    queued(redis_server, worker, "hostile")

    report = deployer.run(k="CrashTest")

    assert set(outcomes_of(report).values()) == {("errored", "crash")}
    messages = {each["id"].rpartition(".")[2]: each["message"] for each in report["results"]}
    assert messages.pop("test_closes_all_files") in (
        "its process could not answer: the test has closed its files",
        "its process closed the connection to its supervisor and was killed",  # if it takes long to end by itself
    )
    assert messages == {
        "test_dies_while_its_child_lives": "its process ended itself with exit code 4",
        "test_ends_by_a_signal_without_a_name": f"its process was ended by signal {signal.SIGRTMIN + 1}",
        "test_exits_as_if_all_were_well": "its process ended itself with exit code 0",
        "test_exits_at_once": "its process ended itself with exit code 3",
        "test_kills_itself": "its process was ended by signal SIGKILL",
        "test_segfaults": "its process was ended by signal SIGSEGV",
    }


def test_slow__worker_lives_on(queued, redis_server, worker, deployer):
    """After all that a test can do the same worker runs the next ones clean, and nothing it started is left."""
    queued(redis_server, worker, "hostile")
    pool = children(worker.process.pid)

    deployer.run()
    outcomes = deployer.outcomes(k="LeftoverTest")

    assert outcomes == {
        "LeftoverTest.test_a_leaves_directory_and_environment": ("passed", None),
        "LeftoverTest.test_b_finds_none_of_it": ("passed", None),
        "LeftoverTest.test_c_fork_comes_back": ("passed", None),
        "LeftoverTest.test_d_exits": ("errored", "exception"),
        "LeftoverTest.test_e_runs_out_of_memory": ("errored", "exception"),
        "LeftoverTest.test_f_is_clean": ("passed", None),
    }
    # Behind a pool child that has run tests stand its warden and one process for the next run.
    waiting.until(lambda: {len(descendants(child)) for child in pool} <= {0, 2}, what="only the worker's own are left")


def test_slow__rolled_back(queued, redis_server, worker, deployer):
    """Queued tests are under the same guard as inline ones."""
    queued(redis_server, worker, "writers")

    outcomes = deployer.outcomes(k="WritesTest")

    assert outcomes.pop("WritesTest.test_broken_transaction") == ("errored", "exception")
    assert set(outcomes.values()) == {("passed", None)}


def test_slow__fixtures_stay_together(queued, redis_server, worker, deployer):
    """Tests that share class fixtures run in one process, between one set-up and one tear-down."""
    queued(redis_server, worker, "fixtures_broken")

    report = deployer.run()

    assert outcomes_of(report) == {
        "CleanupTest.test_class_cleanup_fails": ("failed", None),
        "CleanupTest.test_class_cleanup_of_a_thread_fails": ("failed", None),
        "SetUpClassTest.test_a": ("errored", "exception"),
        "SetUpClassTest.test_b": ("errored", "exception"),
        "SkippingTest.test_a": ("skipped", None),
        "TearDownClassTest.test_a": ("passed", None),
        "TearDownClassTest.test_b": ("errored", "exception"),
    }


def test_slow__broken_modules(queued, redis_server, worker, deployer):
    """A module that would not load is an errored result of the queued run, and alone it still ends the run."""
    queued(redis_server, worker, "broken_import", "broken_syntax", "broken_error", "broken_exit")

    report = deployer.run()

    assert set(outcomes_of(report).values()) == {("errored", "import")}
    assert report["tests_total"] == 4


def test_slow__no_test(queued, redis_server, worker, deployer):
    """A run of no tests is FAIL at once."""
    queued(redis_server, worker, "empty")

    report = deployer.run()

    assert (report["status"], report["reason"]) == ("FAIL", "no test was found to run")


def test_slow__is_over_at_once(queued, redis_server, deployer):
    """A run that has its verdict at its start is answered with it, in place of a 202."""
    queued(redis_server, None, "broken_import")

    response = deployer.post("/smoketest/slow/")

    assert (response.status_code, json.loads(response.content)["status"]) == (500, "FAIL")
    assert "Location" in response.headers


def test_slow__no_worker(queued, own_redis, deployer):
    """Without a worker the run ends all the same, and says so."""
    queued(own_redis, None, "shop", start_timeout=0.5)

    report = deployer.run()

    assert report["status"] == "FAIL"
    assert {each["cause"] for each in report["results"]} == {"lost"}
    assert {each["message"] for each in report["results"]} == {
        "no worker took it within 0.5 s; no worker of the queue nobody is alive; messages that wait in that queue: 2"
    }


def test_slow__worker_killed(queued, own_redis, deployer):
    """With the whole worker killed in mid-test the run ends, and what nobody answered for is lost."""
    with closing_worker(Worker(own_redis.url)) as worker:
        queued(own_redis, worker, "hanging", start_timeout=1, timeout=1, slow_timeout=1)
        url = deployer.start()
        waiting.until(lambda: "RUNNING" in deployer.get(url).content.decode(), what="the run begins")

        os.kill(worker.process.pid, 9)
        report = deployer.final(url)

    assert report["status"] == "FAIL"
    assert report["tests_total"] == len(report["results"])


@pytest.mark.usefixtures("row")
def test_slow__delivered_twice(queued, redis_server, worker, deployer):
    """Messages delivered twice, and those of a run that has ended or never was, change nothing."""
    queued(redis_server, worker, "shop")
    url = deployer.start()

    with dispatch.connecting(tasks.run_shard.app) as connection:  # the app may have kept one to another test's server
        for run_id in [url.split("/")[-2]] * 3 + ["never-was"]:
            tasks.run_shard.apply_async((run_id,), queue=worker.queue, connection=connection)
    report = deployer.final(url)

    assert report["status"] == "PASS"
    assert report["tests_total"] == len(report["results"]) == 5


def test_slow__old_code(queued, own_redis, deployer):
    """A worker whose code lacks a test says so."""
    with closing_worker(Worker(own_redis.url, SMOKETEST_TEST_APPS="empty")) as worker:
        queued(own_redis, worker, "nested")
        report = deployer.run(k="gamma")

    assert {each["cause"] for each in report["results"]} == {"import"}
    assert "its code is older or newer" in report["results"][-1]["message"]


_POOLS = {
    "solo": ("--pool", "solo"),
    "threads": ("--pool", "threads", "--concurrency", "4"),
    "gevent": ("--pool", "gevent", "--concurrency", "4"),
}


@pytest.fixture(params=_POOLS)
def other_pool(request, own_redis):
    """A worker whose pool is none of processes."""
    worker = Worker(own_redis.url, *_POOLS[request.param])
    worker.start()
    yield worker
    worker.stop()


def test_slow__other_pools(queued, own_redis, other_pool, deployer):
    """On the other pools a hang, a crash and a deaf test end as they do on prefork, each with its cause."""
    queued(own_redis, other_pool, "hostile")

    hangs = deployer.run(k="HangTest.test_s")
    crashes = deployer.outcomes(k="CrashTest.test_segfaults")
    passes = deployer.outcomes(k="test_f_is_clean")

    assert outcomes_of(hangs) == {
        "HangTest.test_sleeps": ("errored", "timeout"),
        "HangTest.test_swallows_everything": ("errored", "timeout"),
        "HangTest.test_swallows_exceptions": ("errored", "timeout"),
    }
    assert all("in test_s" in each["traceback"] for each in hangs["results"])
    assert crashes == {"CrashTest.test_segfaults": ("errored", "crash")}
    assert set(passes.values()) == {("passed", None)}


@pytest.mark.parametrize("pool", ["threads", "gevent"])
def test_slow__beside_another_run(queued, own_redis, deployer, pool):
    """Where one worker runs several shards at once, a test that takes long holds up its own shard alone."""
    with closing(Gate()) as gate:
        worker = Worker(own_redis.url, *_POOLS[pool], SMOKETEST_TEST_GATE=str(gate.path))
        with closing_worker(worker):
            queued(own_redis, worker, "gated", "hostile", timeout=60)
            waiting_run = deployer.start(k="GatedTest.test_a")
            gate.wait_for(1)

            passes = deployer.outcomes(k="test_f_is_clean")
            status_meanwhile = deployer.get(waiting_run).status_code
            gate.open()
            report = deployer.final(waiting_run)

    assert set(passes.values()) == {("passed", None)}
    assert (status_meanwhile, report["status"]) == (202, "PASS")


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_slow__nothing_outlives_the_worker(queued, own_redis, deployer, pool):
    """What stands by between runs goes with the worker, even when that is killed."""
    worker = Worker(own_redis.url, "--pool", pool, "--concurrency", "1")
    worker.start()
    queued(own_redis, worker, "nested")
    deployer.run(k="gamma")
    standing_by = set(worker.processes())

    os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait()

    waiting.until(lambda: not any(map(is_alive, standing_by)), what="all of them are gone")
    worker.log.close()


@pytest.mark.usefixtures("row")
def test_slow__redis_down(project, deployer, monkeypatch):
    """With Redis down a start is 503 with the reason, and the fast URL works as ever."""
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")
    project("shop", redis_url="redis://:hidden@127.0.0.1:1/0")

    response = deployer.post("/smoketest/slow/")

    assert response.status_code == 503
    assert "Redis at 127.0.0.1:1/0 does not answer" in response.content.decode()
    assert "hidden" not in response.content.decode()
    assert deployer.get("/smoketest/").status_code == 200


def test_slow__redis_frozen(queued, own_redis, deployer):
    """With Redis frozen a start is 503, not a request that hangs."""
    queued(own_redis, None, "shop")
    deployer.start()

    with own_redis.frozen():
        response = deployer.post("/smoketest/slow/")

    assert response.status_code == 503


def test_slow__broker_down(queued, own_redis, deployer, monkeypatch):
    """With only the broker down a start is 503, and no run is there."""
    queued(own_redis, None, "shop")
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://:hidden@127.0.0.1:1/0")

    response = deployer.post("/smoketest/slow/")

    runs = json.loads(deployer.get("/smoketest/runs/").content)["runs"]
    assert response.status_code == 503
    assert "the broker at redis://:[hidden]@127.0.0.1:1/0 does not answer" in response.content.decode()
    assert runs == []


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_slow__broker_silent(queued, redis_server, deployer, monkeypatch, scheme):
    """A broker that takes connections and never answers is a 503, not a request that hangs."""
    queued(redis_server, None, "shop")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("CELERY_BROKER_URL", f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/")

        began = time.monotonic()
        response = deployer.post("/smoketest/slow/", query_params={"new": "1"})

    assert response.status_code == 503
    assert time.monotonic() - began < 5


def test_slow__broker_restarted(queued, own_redis, deployer):
    """A connection to the broker that was kept, and that the broker has closed, costs nobody a 503."""
    queued(own_redis, None, "shop")
    deployer.start()
    own_redis.client.client_kill_filter(_type="normal", skipme=True)
    after_a_cut = deployer.post("/smoketest/slow/", query_params={"new": "1"})
    own_redis.kill()
    own_redis.start()

    after_a_restart = deployer.post("/smoketest/slow/", query_params={"new": "1"})

    assert (after_a_cut.status_code, after_a_restart.status_code) == (202, 202)
    assert own_redis.client.llen("nobody") == 2


@pytest.mark.parametrize("method", ["get", "delete"])
def test_runs__unknown(queued, redis_server, deployer, method):
    """An id that was never given out is 404, one whose record is gone is 410."""
    queued(redis_server, None, "shop")
    url = deployer.start()
    redis_server.client.delete(*redis_server.client.keys(f"*{url.split('/')[-2]}*"))

    gone = getattr(deployer, method)(url)
    unknown = getattr(deployer, method)(url[:-2] + ("0/" if url[-2] != "0" else "1/"))
    nonsense = getattr(deployer, method)("/smoketest/runs/nonsense/")

    assert (gone.status_code, unknown.status_code, nonsense.status_code) == (410, 404, 404)


@pytest.mark.usefixtures("row")
def test_runs__etag(queued, redis_server, worker, deployer):
    """A poll that knows the newest state already is answered 304."""
    queued(redis_server, worker, "shop")
    url = deployer.start()
    deployer.final(url)

    etag = deployer.get(url).headers["ETag"]
    response = deployer.get(url, headers={"if-none-match": etag})

    assert (response.status_code, response.content) == (304, b"")


def test_runs__etag__lost_results(queued, own_redis, deployer):
    """A poll is not answered 304 where Redis has lost results of a run that was green."""
    queued(own_redis, None, "shop")
    url = deployer.start()
    deployer.delete(url)
    etag = deployer.get(url).headers["ETag"]

    own_redis.client.delete(*own_redis.client.keys("*:results"))

    assert deployer.get(url, headers={"if-none-match": etag}).status_code == 500


def test_runs__rotated_secret(queued, redis_server, deployer):
    """A run is found while the secret that it was started with is among Django's fallbacks."""
    queued(redis_server, None, "shop")
    url = deployer.start()

    with override_settings(SECRET_KEY=url, SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
        known = deployer.get(url).status_code
    with override_settings(SECRET_KEY=url, SECRET_KEY_FALLBACKS=[]):
        unknown = deployer.get(url).status_code

    assert (known, unknown) == (202, 404)


def test_runs__unreadable_record(queued, own_redis, deployer):
    """The list leaves out a run whose record can't be read, of another version say."""
    queued(own_redis, None, "shop")
    url, other = deployer.start(), deployer.start()
    own_redis.client.hset(f"smoketest:{{{url.split('/')[-2]}}}", "about", "{}")

    (listed,) = json.loads(deployer.get("/smoketest/runs/").content)["runs"]

    assert listed["run_id"] in other


def test_runs__many_wait(queued, own_redis, deployer):
    """More may wait in one process than redis-py has connections by itself."""
    queued(own_redis, None, "shop")
    url = deployer.start()

    with ThreadPoolExecutor(120) as pool:
        answers = list(pool.map(lambda _: type(deployer)().get(f"{url}?wait=2").status_code, range(120)))

    assert set(answers) == {202}


def test_runs__cancel(queued, redis_server, deployer):
    """DELETE ends a run: what had not begun is not run, and the verdict is no PASS."""
    queued(redis_server, None, "shop")
    url = deployer.start()

    response = deployer.delete(url)

    report = json.loads(response.content)
    assert (response.status_code, report["status"]) == (500, "CANCELLED")
    assert {each["cause"] for each in report["results"]} == {"not_run"}


@pytest.mark.usefixtures("row")
def test_runs__cancel_finished(queued, redis_server, worker, deployer):
    """A run that has finished keeps its verdict when it is cancelled."""
    queued(redis_server, worker, "shop")
    url = deployer.start()
    deployer.final(url)

    assert json.loads(deployer.delete(url).content)["status"] == "PASS"


def test_runs__recent(queued, own_redis, deployer):
    """The recent runs are listed newest first."""
    queued(own_redis, None, "shop")
    urls = [deployer.start() for _ in range(3)]

    listed = json.loads(deployer.get("/smoketest/runs/").content)["runs"]
    text = deployer.get("/smoketest/runs/", headers={"accept": "text/plain"}).content.decode()

    assert [each["url"].removeprefix("http://testserver") for each in listed] == urls[::-1]
    assert text.splitlines()[0].startswith("PENDING - 0/5 ")


def test_runs__keys_expire(queued, own_redis, deployer):
    """Every key has an expiry from its first write on."""
    queued(own_redis, None, "shop", result_seconds=1000)

    deployer.start()

    keys = list(own_redis.client.scan_iter("smoketest:*"))
    assert len(keys) >= 4
    assert {0 < own_redis.client.ttl(key) <= 1000 for key in keys} == {True}


@pytest.mark.parametrize(
    ("method", "url"),
    [
        ("post", "/smoketest/slow/"),
        ("get", "/smoketest/slow/"),
        ("get", "/smoketest/runs/"),
        ("get", "/smoketest/runs/nonsense/"),
        ("delete", "/smoketest/runs/nonsense/"),
    ],
)
def test_access__refused(queued, redis_server, method, url):
    """Without a token 401, with a wrong one 403, before anything runs, and the answer says which setting to set."""
    queued(redis_server, None, "shop")
    before = runs_of(redis_server)

    without = getattr(Client(), method)(url)
    wrong = getattr(Client(headers={"authorization": "Bearer wrong"}), method)(url)

    assert (without.status_code, wrong.status_code) == (401, 403)
    assert without.headers["WWW-Authenticate"] == 'Bearer realm="smoketest"'
    assert "SMOKETEST_TOKENS" in without.content.decode()
    assert runs_of(redis_server) == before


@pytest.mark.parametrize("token", ["old-token", "new-token"])
def test_access__rotation(queued, redis_server, token):
    """Several tokens count at once, so that they can be rotated."""
    queued(redis_server, None, "shop")

    response = Client(headers={"authorization": f"Bearer {token}"}).get("/smoketest/runs/")

    assert response.status_code == 200


@pytest.mark.usefixtures("row")
def test_access__public(queued, redis_server, worker):
    """SMOKETEST_PUBLIC opens slow runs to all, without the detail."""
    queued(redis_server, worker, "shop", public=True)
    stranger = Client(headers={"accept": "application/json"})

    response = stranger.post("/smoketest/slow/", query_params={"wait": "20"})

    report = json.loads(response.content)
    assert report["status"] == "PASS"
    assert "results" not in report
    assert "host" not in report


def test_access__public_is_not_everything(queued, redis_server):
    """SMOKETEST_PUBLIC lets strangers neither cancel a run nor list those of others."""
    queued(redis_server, None, "shop", public=True)
    url = Client().post("/smoketest/slow/").headers["Location"].removeprefix("http://testserver")

    assert Client().get(url).status_code == 202
    assert Client().delete(url).status_code == 401
    assert Client().get("/smoketest/runs/").status_code == 401


def test_slow__eager(queued, redis_server, deployer):
    """With Celery's eager mode on a start is refused: the run would happen inside the request."""
    queued(redis_server, None, "shop")
    tasks.run_shard.app.conf.task_always_eager = True

    response = deployer.post("/smoketest/slow/", query_params={"new": "1"})

    tasks.run_shard.app.conf.task_always_eager = False
    assert response.status_code == 503
    assert "CELERY_TASK_ALWAYS_EAGER is on" in response.content.decode()


def test_access__callable(queued, redis_server):
    """The project's own callable lets in whom it wants."""
    queued(redis_server, None, "shop", access="tests.live.test_slow.lets_in")

    assert Client(headers={"x-from": "inside"}).get("/smoketest/runs/").status_code == 200
    assert Client().get("/smoketest/runs/").status_code == 401


def lets_in(request):
    """Let in who comes from inside."""
    return request.headers.get("X-From") == "inside"


def closing_worker(worker):
    """Start a worker that is stopped at the end of the block."""
    worker.start()
    worker.close = worker.stop
    return closing(worker)
