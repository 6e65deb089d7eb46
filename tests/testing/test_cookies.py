"""The cookie jar: RFC 6265's rules as rows."""

from http.cookies import SimpleCookie

import cherrypy
import pytest

from cpkit.testing import Cookies

NOW = 1_000_000_000.0  # 9 September 2001


@pytest.fixture
def jar():
    return Cookies(clock=lambda: NOW)


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        pytest.param("a=1", "a=1", id="bare"),
        pytest.param(" a = 1 ; Path=/", "a=1", id="white space"),
        pytest.param('a="x\\073y"', 'a="x\\073y"', id="quoted values go back as they came"),
        pytest.param("=1", "", id="no name"),
        pytest.param("a=1; Max-Age=60", "a=1", id="max-age"),
        pytest.param("a=1; Max-Age=0", "", id="max-age zero"),
        pytest.param("a=1; Max-Age=-5", "", id="negative max-age"),
        pytest.param("a=1; Max-Age=soon", "a=1", id="unreadable max-age is none"),
        pytest.param("a=1; Expires=Sun, 09 Sep 2001 01:46:39 GMT", "", id="expired"),
        pytest.param("a=1; Expires=Sun, 09 Sep 2001 01:46:41 GMT", "a=1", id="expires later"),
        pytest.param("a=1; Expires=Sunday, 09-Sep-01 01:46:39 GMT", "", id="RFC 850 date"),
        pytest.param("a=1; Expires=whenever", "a=1", id="unreadable date is none"),
        pytest.param(
            "a=1; Max-Age=9; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "a=1", id="max-age wins"
        ),
        pytest.param("a=1; Domain=.example.org", "a=1", id="parent domain"),
        pytest.param("a=1; Domain=WWW.example.org", "a=1", id="own domain"),
        pytest.param("a=1; Domain=le.org", "", id="another's domain"),
        pytest.param("a=1; Domain=other.org", "", id="foreign domain"),
        pytest.param("a=1; Path=/books", "a=1", id="path above"),
        pytest.param("a=1; Path=/book", "", id="path that is a mere prefix"),
        pytest.param("a=1; Path=books", "a=1", id="relative path is the default one"),
        pytest.param("a=1; Path=/films", "", id="another path"),
        pytest.param("a=1; Secure", "", id="secure over http"),
        pytest.param("a=1; HttpOnly; SameSite=Lax", "a=1", id="what concerns browsers only"),
    ],
)
def test_a_cookie_is_sent_where_it_may_be(jar, field, sent):
    jar.receive(field, "www.example.org", "/books/1")
    assert jar.field("www.example.org", "/books/2", secure=False) == sent


def test_a_cookie_without_a_domain_stays_with_its_host(jar):
    jar.receive("a=1", "example.org", "/")
    jar.receive("b=2; Domain=example.org", "example.org", "/")
    assert jar.field("www.example.org", "/", secure=False) == "b=2"


def test_an_address_has_no_subdomains(jar):
    jar.receive("a=1; Domain=0.0.1", "127.0.0.1", "/")
    assert dict(jar) == {}


def test_longer_paths_come_first(jar):
    jar.receive("a=root; Path=/", "h", "/")
    jar.receive("a=deep; Path=/books", "h", "/")
    assert jar.field("h", "/books/", secure=False) == "a=deep; a=root"


def test_a_secure_cookie_goes_over_https(jar):
    jar.receive("a=1; Secure", "h", "/")
    assert jar.field("h", "/", secure=True) == "a=1"


def test_the_server_forgets_a_cookie_by_expiring_it(jar):
    jar.receive("a=1; Path=/", "h", "/")
    jar.receive("a=; Path=/; Max-Age=0", "h", "/")
    assert dict(jar) == {}


def test_a_cookie_ends_with_the_clock():
    times = [NOW]
    jar = Cookies(clock=lambda: times[-1])
    jar.receive("a=1; Max-Age=60", "h", "/")
    times.append(NOW + 61)
    assert (jar.field("h", "/", secure=False), dict(jar), len(jar)) == ("", {}, 0)


def test_the_jar_reads_and_writes_like_a_dict(jar):
    jar.receive('a="x\\073y"', "h", "/deep/page")
    jar["b"] = "1; 2"
    assert (dict(jar), len(jar)) == ({"a": "x;y", "b": "1; 2"}, 2)
    assert SimpleCookie(jar.field("any.host", "/", secure=False))["b"].value == "1; 2"
    jar["a"] = "mine"
    del jar["b"]
    assert repr(jar) == "<Cookies {'a': 'mine'}>"
    with pytest.raises(KeyError):
        jar["b"]


@pytest.mark.parametrize(
    ("field", "sent"),
    [("a=theirs; Path=/", "a=theirs"), ("a=; Path=/; Max-Age=0", "")],
    ids=["set", "expired"],
)
def test_the_server_has_the_last_word_on_a_cookie_that_was_set_by_hand(jar, field, sent):
    jar["a"] = "mine"
    jar.receive(field, "h", "/")
    assert jar.field("h", "/", secure=False) == sent
    assert jar.get("a", "") == sent.removeprefix("a=")


class Visits:
    @cherrypy.expose
    @cherrypy.config(**{"tools.sessions.on": True})
    def index(self):
        cherrypy.session["visits"] = cherrypy.session.get("visits", 0) + 1
        return str(cherrypy.session["visits"])

    @cherrypy.expose
    @cherrypy.config(**{"tools.sessions.on": True})
    def log_in(self):
        cherrypy.session["user"] = "zoe"
        cherrypy.session.regenerate()

    @cherrypy.expose
    @cherrypy.config(**{"tools.sessions.on": True})
    def log_out(self):
        cherrypy.lib.sessions.expire()

    @cherrypy.expose
    def two(self):
        cherrypy.response.cookie["first"] = "1"
        cherrypy.response.cookie["second"] = "2"

    @cherrypy.expose
    def names(self):
        return " ".join(sorted(cherrypy.request.cookie))


@pytest.mark.cherrypy(root=Visits)
def test_a_session_lasts_from_request_to_request(cp_client):
    assert [cp_client.get("/").text for _ in range(3)] == ["1", "2", "3"]
    cp_client.cookies.clear()
    assert cp_client.get("/").text == "1"


@pytest.mark.cherrypy(root=Visits)
def test_several_cookies_of_one_answer_are_kept(cp_client):
    response = cp_client.get("/two")
    assert len(response.headers.get_all("Set-Cookie")) == 2
    assert cp_client.get("/names").text == "first second"


@pytest.mark.cherrypy(root=Visits)
def test_the_session_of_the_client_is_read_and_written(cp_client, cp_session):
    assert (dict(cp_session), len(cp_session)) == ({}, 0)
    cp_session["visits"] = 41
    assert cp_client.get("/").text == "42"
    assert (repr(cp_session), cp_session["visits"]) == ("<Session {'visits': 42}>", 42)
    cp_session["visits"] = 1
    del cp_session["visits"]
    assert cp_client.get("/").text == "1"


@pytest.mark.cherrypy(root=Visits)
def test_the_session_follows_the_client_to_a_new_id_and_out(cp_client, cp_session):
    cp_session["visits"] = 5
    before = cp_client.cookies["session_id"]
    cp_client.get("/log_in")
    assert cp_client.cookies["session_id"] != before
    assert dict(cp_session) == {"visits": 5, "user": "zoe"}
    cp_client.get("/log_out")
    assert dict(cp_session) == {}
    assert cp_client.get("/").text == "1"
