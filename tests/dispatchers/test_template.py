"""``request.route`` is the template without regexes: OpenTelemetry's ``http.route``."""

import cherrypy
import pytest

from cpkit.dispatchers import RoutesDispatcher

TEMPLATES = [
    (r"/library/{library_id:\d+}", "/library/12", "/library/{library_id}"),
    (r"/l/{year:\d{4}}/{rest:.*}", "/l/2020/a/b", "/l/{year}/{rest}"),
    (r"/v{version:\d+(?:\.\d+)?}/x{.format:json|xml}", "/v1.2/x.json", "/v{version}/x{.format}"),
    (r"/{path:.+/.+}", "/a/b", "/{path}"),
    ("/a/:b/*rest", "/a/1/2", "/a/:b/*rest"),
    ("/a/:(b)", "/a/1", "/a/:(b)"),
    ("/a/{b}/", "/a/1/", "/a/{b}/"),
    ("/", "/", "/"),
]


def route(**params):
    return cherrypy.request.route


@pytest.mark.parametrize(("written", "path", "template"), TEMPLATES)
@pytest.mark.parametrize("kind", ["connect", "include", "mapper"])
def test_it_has_no_regexes(mount, cp_client, written, path, template, kind):
    from cpkit.dispatchers import route as declare

    dispatcher = RoutesDispatcher()
    if kind == "connect":
        dispatcher.connect("x", written, route)
    elif kind == "include":
        dispatcher.include(declare(written)(lambda **params: cherrypy.request.route))
    else:
        dispatcher.controllers["c"] = route
        dispatcher.mapper.connect(written, controller="c")
    mount(dispatcher)
    assert cp_client.get(path).text == template


def test_a_minimized_route_has_its_slash(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect("x", "/x/:y", route, _minimize=True, y="1")
    mount(dispatcher)
    assert cp_client.get("/x").text == "/x/:y"


@pytest.mark.parametrize(
    "section",
    [
        "/library/{id}",
        r"/library/{id:\d+}",
        "/library/{id}/book/{number}",
        r"/library/{id:\d+}/book/{number:\d\d?/?}",
        r"/library/{id:\d+}/book",
    ],
)
def test_a_section_of_the_config_may_have_either_spelling(mount, cp_client, section):
    dispatcher = RoutesDispatcher()
    said = "the.section"
    dispatcher.connect(
        "book",
        r"/library/{id:\d+}/book/{number:\d\d?/?}",
        lambda **params: str(cherrypy.request.config.get(said)),
    )
    mount(dispatcher, sections={section: {said: "yes"}})
    assert cp_client.get("/library/12/book/15").text == "yes"


def test_the_spelling_with_the_regex_is_the_later_one(mount, cp_client):
    dispatcher = RoutesDispatcher()
    dispatcher.connect(
        "book", r"/l/{id:\d+}/b", lambda **params: str(cherrypy.request.config["the.section"])
    )
    plain, written = {"the.section": "plain"}, {"the.section": "written"}
    mount(dispatcher, sections={r"/l/{id:\d+}": written, "/l/{id}": plain})
    assert cp_client.get("/l/1/b").text == "written"
