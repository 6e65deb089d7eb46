"""The guard before the tree: long and deep paths are 414."""

import cherrypy
import pytest

from cpkit.dispatchers import GuardedServer, PathGuard
from cpkit.testing import Client


def app(environ, start_response):
    start_response("200 OK", [])
    return [b"reached"]


def ask(guard, path, method="GET", script_name=""):
    environ = {"PATH_INFO": path, "SCRIPT_NAME": script_name}
    return Client(guard).request(method, "/", environ=environ)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/" + "a" * 8191, 200),
        ("/" + "a" * 8192, 414),
        ("/a" * 256, 200),
        ("/a" * 257, 414),
        ("/" * 257, 414),
        ("/" + "\xe9" * 8191, 200),
        ("", 200),
    ],
    ids=lambda value: str(value)[:4] + str(len(str(value))),
)
def test_paths_beyond_8_kb_or_256_segments_are_414(path, status):
    assert ask(PathGuard(app), path).status_code == status


def test_the_mount_point_counts():
    assert ask(PathGuard(app), "/a" * 200, script_name="/b" * 100).status_code == 414


def test_the_limits_can_be_set():
    guard = PathGuard(app, max_bytes=10, max_segments=2)
    assert [ask(guard, path).status_code for path in ("/a/b", "/a/b/c", "/" + "a" * 10)] == [
        200,
        414,
        414,
    ]


def test_the_answer_has_a_length_and_head_has_no_body():
    get, head = (ask(PathGuard(app), "/" * 300, method) for method in ("GET", "HEAD"))
    assert get.reason == "URI Too Long"
    assert int(get.headers["Content-Length"]) == len(get.content)
    assert (head.status_code, head.content) == (414, b"")


def test_one_line_of_config_guards_cherrypys_own_server(monkeypatch):
    adapter = cherrypy._cpserver.Server()
    monkeypatch.setattr(cherrypy, "servers", {"guarded": adapter}, raising=False)
    cherrypy.tree.graft(app)
    cherrypy.config.update(
        {
            "server.guarded.instance": "cpkit.dispatchers.GuardedServer",
            "server.guarded.max_path_segments": 3,
        }
    )
    server, _ = adapter.httpserver_from_self()
    assert isinstance(server, GuardedServer)
    assert ask(server.wsgi_app, "/a/b").text == "reached"
    assert ask(server.wsgi_app, "/a/b/c/d").status_code == 414
    assert ask(server.wsgi_app, "/" + "a" * 8192).status_code == 414


@pytest.mark.xfail(strict=True, reason="C19: CherryPy's own tree lets any path through")
def test_c19_without_the_guard_the_application_is_reached():
    cherrypy.tree.graft(app)
    assert ask(cherrypy.tree, "/a" * 300).status_code == 414
