"""Hostile and broken URLs: 404, and never a 500."""

import cherrypy
import pytest

from cpkit.dispatchers import RoutesDispatcher
from cpkit.testing import Client
from tests.properties import example, given, settings, st


def echo(**params):
    return repr(sorted(params.items()))


class Page:
    @cherrypy.expose
    def show(self, id=None, **params):
        return "show"


class Resource:
    exposed = True

    def GET(self, id, **params):  # noqa: N802
        return "got"


def everything():
    dispatcher = RoutesDispatcher()
    dispatcher.connect("home", "/", echo)
    dispatcher.connect("typed", r"/typed/{id:\d+}", echo)
    dispatcher.connect("dashes", "/d/{a}-{b}-{c}-{d}.html", echo)
    dispatcher.connect("format", "/format/{id}{.format}", echo, conditions={"method": ["GET"]})
    dispatcher.connect("act", "/act/{action}", Page())
    dispatcher.connect("method", "/method/{id}", Resource)
    dispatcher.connect("slash", "/slash/{id}/", echo)
    dispatcher.connect("old", "/min/:id", echo, _minimize=True, id="none")
    dispatcher.mapper.redirect("/old/{path:.*}", "/new/{path}")
    dispatcher.mapper.connect("/any/{controller}/{action}")
    dispatcher.resource("entry", "entries", Page())
    dispatcher.connect("rest", "/rest/{rest:.*}", echo)
    return dispatcher


CLIENT = Client(raise_exceptions=False)
STARTS = ["/", "/typed/", "/d/", "/format/", "/act/", "/method/", "/slash/", "/min/"]
STARTS += ["/old/", "/any/act/", "/entries/", "/rest/"]
METHODS = st.one_of(
    st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "DELETE"]), st.text(min_size=1, max_size=9)
)


@settings(max_examples=60)
@given(
    start=st.sampled_from(STARTS),
    rest=st.binary(max_size=40),
    method=METHODS,
    query=st.sampled_from(["", "id=1&self=2&action=3", "%FF", "a=%00", "\xff", "=&;;&"]),
    host=st.sampled_from(["a.example", "", "[::1]", "a:b:c", "A" * 300, "\xe9"]),
)
@example("/method/", b"x", "GET\0", "", "a.example")
@example("/", b"/" * 30 + b"evil.example", "GET", "", "a.example")
@example("/slash/", "a/\u00e9?#\u2028".encode(), "GET", "", "a.example")
def test_no_request_is_a_500(start, rest, method, query, host):
    app = cherrypy.Application(None, "", {"/": {"request.dispatch": everything()}})
    app.log.screen = False
    environ = {"PATH_INFO": start + rest.decode("latin-1"), "QUERY_STRING": query}
    CLIENT.app = app
    answer = CLIENT.request(method, "/", headers={"Host": host}, environ=environ)
    assert answer.status_code < 500, answer.exception


@pytest.fixture
def dispatcher(mount):
    dispatcher = everything()
    mount(dispatcher)
    return dispatcher


@pytest.mark.parametrize("code", [0x00, 0x09, 0x0A, 0x0D, 0x1F, 0x7F])
def test_control_characters_are_404(dispatcher, cp_client, code):
    assert cp_client.get(f"/rest/a%{code:02X}b").status_code == 404
    assert cp_client.get(f"/rest/a%{code:02X}").status_code == 404


def test_control_characters_of_latin_1_are_404(dispatcher, cp_client):
    assert cp_client.get("/rest/%C2%85").status_code == 404


@pytest.mark.parametrize("path", ["%FF", "%C3", "%C0%AF", "%ED%A0%80", "caf%E9"])
def test_bytes_that_are_not_utf8_are_404(dispatcher, cp_client, path):
    assert cp_client.get("/rest/" + path).status_code == 404


@pytest.mark.parametrize("word", ["é", "日本", "Ã©", "😀", "\u00a0", "\u200b"])
def test_other_text_is_served(dispatcher, cp_client, word):
    assert cp_client.get("/rest/" + word).text == repr([("rest", word)])


def test_another_encoding_is_served_where_the_config_says_so(dispatcher, cp_client, mount):
    mount(dispatcher, sections={"/rest": {"request.uri_encoding": "latin-1"}})
    assert cp_client.get("/rest/%E9").text == "[('rest', 'é')]"


def test_an_encoding_that_is_none_is_404(dispatcher, cp_client, mount):
    mount(dispatcher, sections={"/rest": {"request.uri_encoding": "ascii"}})
    assert cp_client.get("/rest/%E9").status_code == 404


def test_a_query_that_is_not_utf8_makes_no_other_path(dispatcher, cp_client):
    # NOTE: CherryPy reads path and query as Latin-1 when either can't be decoded.
    found = cp_client.get("/rest/%C3%A9", environ={"QUERY_STRING": "\xff"})
    assert found.status_code == 404


def test_below_a_mount_point_text_is_text_too(mount, cp_client):
    mount(everything(), "/shop")
    assert cp_client.get("/shop/rest/%C3%A9").text == "[('rest', 'é')]"
    assert cp_client.get("/shop/rest/%E9").status_code == 404


def test_an_internal_redirect_may_lead_to_any_text(dispatcher, cp_client):
    def elsewhere():
        raise cherrypy.InternalRedirect("/rest/é")

    dispatcher.connect("elsewhere", "/elsewhere", elsewhere)
    assert cp_client.get("/elsewhere").text == "[('rest', 'é')]"


def test_an_encoded_slash_stays_in_its_segment(dispatcher, cp_client):
    dispatcher.connect("two", "/two/{a}/{b:[^/]+}/{c}", echo, c="d")
    found = cp_client.get("/two/1%2F2/3%2F4/5")
    # A plain variable is decoded; one with a regex keeps what the regex saw.
    assert found.text == repr([("a", "1/2"), ("b", "3%2F4"), ("c", "5")])
    assert cp_client.get("/format/a%2Fb").text == repr([("format", None), ("id", "a/b")])


def test_dots_are_plain_values(dispatcher, cp_client):
    assert cp_client.get("/rest/../x/./y").text == "[('rest', '../x/./y')]"
