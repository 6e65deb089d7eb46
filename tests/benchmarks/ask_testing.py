"""What a test of a CherryPy application costs: its set-up, and each request."""

from __future__ import annotations

import atexit
import http.client
from collections.abc import Callable

import cherrypy

from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import application, getter

ANSWER = b"hello"


class Hello:
    """Say hello."""

    @cherrypy.expose
    def index(self) -> bytes:
        """Say it."""
        return ANSWER


def _over_http(app: cherrypy.Application) -> tuple[Callable[[], bytes], Callable[[], None]]:
    from cpkit.testing._server import Server

    server = Server(threads=1)
    server.start()
    server.swap(app)
    atexit.register(server.stop)
    connection = http.client.HTTPConnection(server.host, server.port)

    def get() -> bytes:
        connection.request("GET", "/")
        return connection.getresponse().read()

    def stop() -> None:
        connection.close()
        server.stop()
        atexit.unregister(server.stop)

    return get, stop


@question("testing", "What does a test's client add to a request?")
def requests() -> Case:
    """The client builds the environ and reads the answer itself, without a model of HTTP between.

    Besides, it keeps cookies, follows the request's exception out of CherryPy, and gives each
    request a `cherrypy.serving` of its own; the bare call does none of it.
    """
    import httpx
    import webtest
    from werkzeug.test import Client as WerkzeugClient

    from cpkit.testing import Client

    app = application(Hello())
    bare = getter(app, "/")
    client, werkzeug, web = Client(app), WerkzeugClient(app), webtest.TestApp(app)
    transport = httpx.WSGITransport(app=app)
    httpx_client = httpx.Client(transport=transport, base_url="http://127.0.0.1")
    over_http, stop = _over_http(app)
    bare_call = "a bare WSGI call"

    def cleanup() -> None:
        httpx_client.close()
        stop()

    return Case(
        {
            bare_call: lambda: bare()[1],
            "cpkit": lambda: client.get("/").content,
            "werkzeug": lambda: werkzeug.get("/").data,
            "webtest": lambda: web.get("/").body,
            "httpx.WSGITransport": lambda: httpx_client.get("/").content,
            "http.client over HTTP": over_http,
        },
        baseline=bare_call,
        expected=ANSWER,
        cleanup=cleanup,
        without=[bare_call],
        ours="cpkit",
    )


@question("testing", "What does it cost to set up the test of an application?", counted=False)
def set_up() -> Case:
    """CPWebCase starts and stops a server and the engine for each class, on a fixed port.

    cpkit remembers CherryPy's state, mounts the application and puts it all back, for each test.
    """
    from cherrypy.test import helper

    from cpkit.testing import Client
    from cpkit.testing._isolation import Isolation

    class Old(helper.CPWebCase):
        @staticmethod
        def setup_server() -> None:
            cherrypy.tree.mount(Hello())

    def cpwebcase() -> None:
        whole = Isolation()
        try:
            Old.setup_class()
            Old.teardown_class()
        finally:
            whole.end()

    def cpkit(ask: bool = False) -> None:
        isolation = Isolation()
        try:
            cherrypy.config.update({"log.screen": False})
            cherrypy.tree.mount(Hello())
            client = Client()
            assert not ask or client.get("/").content == ANSWER
        finally:
            isolation.end()

    return Case(
        {"cpkit": cpkit, "cpkit, with a request": lambda: cpkit(ask=True), "CPWebCase": cpwebcase},
        baseline="cpkit",
        ours="cpkit, with a request",
    )
