"""What a test of a CherryPy application costs: its set-up, and each request."""

import http.client
from contextlib import ExitStack

import cherrypy
import httpx
import webtest
from werkzeug.test import Client as WerkzeugClient

from cpkit.testing import Client, isolated
from cpkit.testing._server import Server
from tests.benchmarks.questions import Case, question
from tests.benchmarks.wsgi import Page, application, sender


@question("testing", "What does a test's client add to a request?")
def requests() -> Case:
    """The client builds the environ and reads the answer itself, keeps cookies and follows the
    request's exception out of CherryPy; the bare call does none of it."""
    app, bare_call, cleanup = application(Page()), "a bare WSGI call", ExitStack()
    bare, client = sender(app), Client(app)
    werkzeug, web = WerkzeugClient(app), webtest.TestApp(app)
    wsgi = httpx.Client(transport=httpx.WSGITransport(app=app), base_url="http://127.0.0.1")
    server = Server(threads=1)
    server._http.timeout = 600  # on a busy machine its turns are far apart
    server.start()
    server.swap(app)
    connection = http.client.HTTPConnection(server.host, server.port)
    for close in (server.stop, connection.close, wsgi.close):
        cleanup.callback(close)

    def over_http() -> bytes:
        connection.request("GET", "/")
        return connection.getresponse().read()

    calls = {
        bare_call: lambda: bare()[1],
        "cpkit": lambda: client.get("/").content,
        "werkzeug": lambda: werkzeug.get("/").data,
        "webtest": lambda: web.get("/").body,
        "httpx.WSGITransport": lambda: wsgi.get("/").content,
        "http.client over HTTP": over_http,
    }
    return Case(calls, bare_call, b"page", cleanup=cleanup.close, without=[bare_call])


@question("testing", "What does it cost to set up the test of an application?", counted=False)
def set_up() -> Case:
    """CPWebCase starts and stops a server and the engine for each class; cpkit mounts the
    application and puts CherryPy's state back, for each test."""

    from cherrypy.test import helper  # not above: it has a listener for each request

    told = {"log.screen": False}

    class Old(helper.CPWebCase):
        @staticmethod
        def setup_server() -> None:
            cherrypy.tree.mount(Page())

    def cpwebcase() -> None:
        with isolated():
            Old.setup_class()
            Old.teardown_class()

    def cpkit() -> None:
        with isolated(Page(), config=told):
            pass

    def asking() -> None:
        with isolated(Page(), config=told) as client:
            assert client.get("/").content == b"page"

    calls = {"cpkit": cpkit, "cpkit, with a request": asking, "CPWebCase": cpwebcase}
    return Case(calls, "cpkit", ours="cpkit, with a request")
