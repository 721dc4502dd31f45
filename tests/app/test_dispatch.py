"""Where the messages of a run go."""

import time

import pytest
from celery import Celery, _state, current_app

from smoketest.conf import Conf
from smoketest.errors import QueueUnavailableError
from smoketest.queue.dispatch import TASK, Message, QueueLook, connecting, look, own_queue, publish, queue_of
from tests.project.celery import app


@pytest.fixture
def routed(monkeypatch, redis_server):
    """Give the project's Celery app routes of its own."""

    def choose(routes):
        monkeypatch.setenv("CELERY_BROKER_URL", redis_server.url)
        monkeypatch.setitem(app.conf, "task_routes", routes)
        app.amqp.flush_routes()
        app.amqp.router = app.amqp.Router()

    redis_server.client.flushall()
    yield choose
    monkeypatch.undo()
    app.amqp.flush_routes()
    app.amqp.router = app.amqp.Router()


def test_queue_of__routes(routed):
    """Where the app's own routes send a run, there its workers are looked for, unless a setting says otherwise."""
    routed({"smoketest.*": {"queue": "checks"}})

    assert queue_of(app, Conf()) == "checks"
    assert queue_of(app, Conf(queue="smoke")) == "smoke"
    assert "checks" not in app.amqp.queues


def test_queue_of__router(routed):
    """A router of the app's own may be a function, and answer a name."""
    routed([lambda name, *_, **__: "checks" if name == TASK else None])

    assert queue_of(app, Conf()) == "checks"


def test_queue_of__no_routes(routed):
    """Without a route for it a run goes where all goes."""
    routed({"shop.*": {"queue": "shop"}})

    assert queue_of(app, Conf()) == app.conf.task_default_queue


def test_look(routed):
    """How many messages wait is told, none too; only of a broker that does not answer nothing is known."""
    routed(None)
    empty = look(Conf(queue="waiting"))
    publish("run", [Message(), Message()], run_seconds=1, conf=Conf(queue="waiting"))

    assert empty == QueueLook(name="waiting", messages=0)
    assert look(Conf(queue="waiting")).messages == 2


def test_publish__not_to_be_sent(routed, redis_server):
    """Where it turns out at last that the messages are not wanted none is sent, and the next are as ever."""
    routed(None)
    asked = {"run_seconds": 1, "conf": Conf(queue="unwanted")}

    sent = [publish("run", [Message(), Message()], may_send=lambda wanted=wanted: wanted, **asked) for wanted in (0, 1)]

    assert (sent, redis_server.client.llen("unwanted")) == ([False, True], 2)


def test_publish__second_broker(routed, redis_server, monkeypatch):
    """Where the first of several brokers does not answer the next gets the messages, as Celery's own do."""
    routed(None)
    monkeypatch.setenv("CELERY_BROKER_URL", f"redis://127.0.0.1:1/0;{redis_server.url}")

    publish("run", [Message(), Message()], run_seconds=1, conf=Conf(queue="second"))

    assert redis_server.client.llen("second") == 2


@pytest.mark.parametrize(
    "url",
    ["redis://127.0.0.1:1/0", "amqp://127.0.0.1:1//", "amqp://127.0.0.1:1//;amqp://127.0.0.1:2//"],
)
def test_publish__refused(routed, monkeypatch, url):
    """Brokers that refuse connections are told of at once: none is asked a second time."""
    routed(None)
    monkeypatch.setenv("CELERY_BROKER_URL", url)
    began = time.monotonic()

    with pytest.raises(QueueUnavailableError, match="does not answer"):
        publish("run", [Message()], run_seconds=1, conf=Conf())

    assert time.monotonic() - began < 1


def test_look__no_broker(routed, monkeypatch):
    """Of a broker that does not answer nothing is known."""
    routed(None)
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://127.0.0.1:1/0")

    assert look(Conf(queue="waiting")).messages is None


@pytest.fixture
def _no_app(monkeypatch):
    """Let there be no Celery app in this process but the one that Celery makes by itself, and no broker."""
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)
    monkeypatch.setattr(_state, "default_app", None)
    monkeypatch.setattr(_state._tls, "current_app", None)


@pytest.mark.usefixtures("_no_app")
def test_publish__no_app():
    """Where the project has made no Celery app nothing is sent to whatever broker Celery thinks of, and told why."""
    with pytest.raises(QueueUnavailableError, match=r"^there is no Celery app.* in the project's __init__\.py"):
        publish("run", [Message()], run_seconds=1, conf=Conf(queue="nobody"))

    assert look(Conf(queue="nobody")).messages is None


@pytest.mark.usefixtures("_no_app")
def test_connecting__no_app_but_a_broker(monkeypatch, redis_server):
    """A broker in the environment is enough: Celery's own app knows it from there."""
    monkeypatch.setenv("CELERY_BROKER_URL", redis_server.url)

    with connecting(current_app) as connection:
        assert connection.port == redis_server.port


@pytest.mark.usefixtures("_no_app")
def test_connecting__default_address():
    """An app of the project's own may count on the address that Celery takes by default."""
    with connecting(Celery("mysite")) as connection:
        assert connection.as_uri() == "amqp://guest:**@localhost:5672//"


def test_publish__to_one_worker(routed, redis_server):
    """What is for one worker gets there, whatever the app's own routes are."""
    routed({"*": {"queue": "checks", "exchange": "checks", "routing_key": "checks"}})

    publish("run", [Message(worker_id="web1/1/ab")], run_seconds=1, conf=Conf())

    assert redis_server.client.llen(own_queue("web1/1/ab").name) == 1


def test_own_queue__leaves_nothing(routed, redis_server):
    """A queue that goes with its worker leaves no exchange behind, which nothing would ever delete."""
    routed(None)

    with app.connection_for_write() as connection:
        own_queue("web1/1/ab")(connection.default_channel).declare()

    assert not redis_server.client.keys("_kombu.binding.smoketest*")
