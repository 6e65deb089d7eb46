"""An application that takes the method from another place: what then writes, and what reads."""

import cherrypy
import pytest

import cpkit.tools  # noqa: F401
from cpkit.errors import WriteInReadUnitError
from cpkit.testing import Client
from tests.statements import HANDLES, create, insert, stored

HOOKS = ["on_start_resource", "before_request_body", "before_handler"]
OVERRIDE = "X-HTTP-Method-Override"


class Root:
    @cherrypy.expose
    def index(self):
        insert(1)
        return cherrypy.request.method


def override():
    request = cherrypy.serving.request
    request.method = request.headers.get(OVERRIDE, request.method)


class Overriding(cherrypy.dispatch.Dispatcher):
    def __call__(self, path_info):
        override()
        return super().__call__(path_info)


def overriding(app):
    def call(environ, start_response):
        method = environ["HTTP_X_HTTP_METHOD_OVERRIDE"]
        return app({**environ, "REQUEST_METHOD": method}, start_response)

    return call


def ask(where, handle, sent, meant):
    """Send one method and mean another, which the application takes *where* it is told."""
    settings = {"cpkit.db.on": True, "cpkit.db.handle": handle}
    if where == "dispatcher":
        settings["request.dispatch"] = Overriding()
    elif where in HOOKS:
        settings[f"hooks.{where}"] = override
    app = cherrypy.tree.mount(Root(), "/", {"/": settings})
    if where == "middleware":
        app.wsgiapp.pipeline.append(("overriding", overriding))
    return Client(raise_exceptions=False).request(sent, "/", headers={OVERRIDE: meant})


@pytest.mark.parametrize("where", ["middleware", "dispatcher", *HOOKS])
@pytest.mark.parametrize("handle", HANDLES)
@pytest.mark.parametrize("meant", ["PUT", "PATCH", "DELETE"])
def test_a_post_that_means_another_method_that_writes_is_stored(
    start_database, where, handle, meant
):
    start_database(setup=create)
    assert ask(where, handle, "POST", meant).text == meant
    assert stored() == [1]


@pytest.mark.parametrize("where", ["middleware", "dispatcher"])
@pytest.mark.parametrize("handle", HANDLES)
def test_a_post_that_means_get_writes_nothing(start_database, where, handle):
    start_database(setup=create)
    assert isinstance(ask(where, handle, "POST", "GET").exception, WriteInReadUnitError)
    assert stored() == []


@pytest.mark.parametrize("where", ["before_request_body", "before_handler"])
@pytest.mark.parametrize("handle", HANDLES)
def test_a_get_that_a_hook_takes_for_a_post_is_a_get_still(start_database, where, handle):
    start_database(setup=create)
    assert isinstance(ask(where, handle, "GET", "POST").exception, WriteInReadUnitError)
    assert stored() == []
