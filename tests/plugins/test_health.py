"""Health: alive is not ready, and what is down is named."""

import threading

import cherrypy
import pytest

from cpkit.plugins import DatabasePlugin, health_app


@pytest.fixture
def client(cp_client):
    cherrypy.tree.graft(health_app(deadline=60), "/health")
    cp_client.raise_exceptions = False
    return cp_client


@pytest.fixture
def databases(cp_engine, tmp_path):
    """Return a function that starts the engine with plugins of these names."""

    def start(*names):
        for name in names:
            plugin = DatabasePlugin(cherrypy.engine, f"sqlite:///{tmp_path}/{name}.sqlite")
            setattr(cherrypy.engine, name, plugin)
            plugin.subscribe()
        cp_engine.start()
        return [vars(cherrypy.engine)[name] for name in names]

    return start


def test_a_process_whose_databases_answer_is_ready(client, databases):
    databases("db", "staff")
    for path in ("/health", "/health/", "/health/ready", "/health/ready/"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert answer.json() == {
            "status": "ok",
            "down": [],
            "checks": {"engine": "ok", "db": "ok", "staff": "ok"},
        }


def test_what_is_down_is_named_and_the_process_goes_on_living(client, databases):
    _, staff = databases("db", "staff")
    staff.stop()
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["down"]) == (503, ["staff"])
    assert answer.json()["checks"]["db"] == "ok"
    for path in ("/health/live", "/health/live/"):
        assert client.get(path).status_code == 200


def test_a_database_that_cannot_even_tell_is_down(client, databases):
    databases("db")
    cherrypy.engine.subscribe("database_health", lambda deadline: 1 / 0)
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["down"]) == (503, ["databases"])


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_that_share_a_name_one_that_is_down_counts(client, cp_engine, tmp_path, first):
    plugins = [DatabasePlugin(cherrypy.engine, f"sqlite:///{tmp_path}/{n}") for n in (0, 1)]
    for plugin in plugins:
        plugin.subscribe()
    cp_engine.start()
    plugins[first].stop()
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["down"]) == (503, ["db"])


def test_databases_are_asked_at_the_same_time(client, databases):
    """So that two that hang take no longer than one."""
    plugins, asked = databases("db", "staff"), threading.Barrier(2)

    def meets(tell):
        def health(deadline):
            asked.wait(30)
            return tell(deadline)

        return health

    for plugin in plugins:
        cherrypy.engine.unsubscribe("database_health", plugin.database_health)
        cherrypy.engine.subscribe("database_health", meets(plugin.database_health))
    answer = client.get("/health")
    assert (answer.status_code, answer.json()["down"]) == (200, [])
    assert list(answer.json()["checks"]) == ["engine", "db", "staff"]


def test_a_process_without_databases_is_ready(client, cp_engine):
    cp_engine.start()
    assert client.get("/health").json()["checks"] == {"engine": "ok"}


def test_a_process_that_ends_is_not_ready_and_still_alive(client, cp_engine):
    seen = {}

    def ending():
        seen["ready"] = client.get("/health").status_code
        seen["live"] = client.get("/health/live").status_code

    cp_engine.start()
    cherrypy.engine.subscribe("stop", ending)
    cherrypy.engine.stop()
    assert seen == {"ready": 503, "live": 200}


def test_no_address_of_a_database_is_told(client, databases, tmp_path):
    databases("db")
    assert str(tmp_path) not in client.get("/health").text


@pytest.mark.parametrize("path", ["/health", "/health/live"])
def test_no_answer_is_cached_and_head_has_no_body(client, cp_engine, path):
    cp_engine.start()
    answer, head = client.get(path), client.head(path)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Type"] == "application/json"
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(answer.content))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "M17"])
def test_other_methods_are_refused(client, method):
    answer = client.request(method, "/health")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_other_paths_are_not_found(client):
    assert client.get("/health/nowhere").status_code == 404


def test_many_ask_at_once(client, databases):
    databases("db")
    codes = []
    asks = [lambda: codes.append(client.get("/health").status_code)] * 8
    threads = [threading.Thread(target=ask) for ask in asks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 8
