"""The client: what goes out and what comes back, in the process."""

import io
import json
import weakref

import cherrypy
import pytest

import cpkit.tools  # noqa: F401 - registers cpkit.timing
from cpkit.errors import (
    NotAPathError,
    NothingMountedError,
    NotMeasuredError,
    RequestArgumentError,
    TooManyRedirectsError,
)
from cpkit.testing import Client


class Echo:
    """Answer with what arrived."""

    @cherrypy.expose
    @cherrypy.tools.json_out()
    def default(self, *path, **params):
        request = cherrypy.request
        return {
            "path": request.path_info,
            "params": {name: str(value) for name, value in params.items()},
            "headers": dict(request.headers),
            "base": request.base,
        }

    @cherrypy.expose
    def raw(self):
        return cherrypy.request.body.read()

    @cherrypy.expose
    @cherrypy.config(**{"tools.encode.encoding": "latin-1"})
    def latin(self):
        return "é"

    @cherrypy.expose
    def broken(self):
        raise ZeroDivisionError("on purpose")

    @cherrypy.expose
    def refused(self):
        raise cherrypy.HTTPError(403, "not you")


@pytest.fixture
def cp_app():
    return Echo()


@pytest.mark.parametrize("method", ["get", "options", "post", "put", "patch", "delete"])
def test_each_method_is_sent(cp_client, method):
    assert getattr(cp_client, method)("/any").json()["path"] == "/any"


def test_the_names_of_the_fields_are_gone_through_as_those_of_a_mapping(cp_client):
    headers = cp_client.get("/any").headers
    assert {"Content-Type", "Content-Length"} <= set(headers)
    assert "content-type" in headers


def test_head_answers_without_a_body(cp_client):
    response = cp_client.head("/any")
    assert (response.status_code, response.reason, response.content) == (200, "OK", b"")


def test_parameters_join_the_query_string_that_is_there(cp_client):
    assert cp_client.get("/a?x=1", params={"y": ["2"]}).json()["params"] == {"x": "1", "y": "2"}


def test_a_form_is_encoded(cp_client):
    assert cp_client.post("/a", data={"name": "Zoë"}).json()["params"] == {"name": "Zoë"}


def test_json_is_encoded_and_typed(cp_client):
    response = cp_client.post("/raw", json={"a": 1}, headers={"X-One": "1"})
    assert response.json() == {"a": 1}


def test_bytes_are_sent_as_they_are(cp_client):
    response = cp_client.post("/raw", data=b"\x00\xff", headers={"Content-Type": "image/png"})
    assert response.content == b"\x00\xff"


def test_text_is_sent_as_utf_8(cp_client):
    response = cp_client.post("/raw", data="Zoë", headers={"Content-Type": "text/plain"})
    assert response.content == "Zoë".encode()


def test_a_content_type_that_is_given_wins(cp_client):
    typed = cp_client.put("/a", json={}, headers=[("content-type", "application/vnd.x+json")])
    assert typed.json()["headers"]["Content-Type"] == "application/vnd.x+json"


def test_fields_of_one_name_are_joined(cp_client):
    headers = [
        ("Accept", "text/html"),
        ("Accept", "*/*;q=0.1"),
        ("Cookie", "a=1"),
        ("Cookie", "b=2"),
    ]
    sent = cp_client.get("/a", headers=headers).json()["headers"]
    assert (sent["Accept"], sent["Cookie"]) == ("text/html, */*;q=0.1", "a=1; b=2")


def test_default_headers_go_with_every_request_unless_given(cp_client):
    cp_client.headers = {"Accept-Language": "de"}
    sent = [
        cp_client.get("/a").json(),
        cp_client.get("/a", headers={"accept-language": "fr"}).json(),
    ]
    assert [each["headers"]["Accept-Language"] for each in sent] == ["de", "fr"]


def test_the_base_url_names_host_port_and_scheme(cp_client):
    cp_client.base_url = "https://shop.example:8443"
    assert cp_client.get("/a").json()["base"] == "https://shop.example:8443"
    assert cp_client.get("http://other.example/a").json()["base"] == "http://other.example"


@pytest.mark.parametrize(
    ("sent", "seen"),
    [("/caf%C3%A9", "/café"), ("/café", "/café"), ("/a%2Fb", "/a%2Fb"), ("", "/"), ("?x=é", "/")],
)
def test_paths_arrive_as_a_server_would_hand_them_on(cp_client, sent, seen):
    assert cp_client.get(sent).json()["path"] == seen


def test_what_is_no_path_is_refused(cp_client):
    with pytest.raises(NotAPathError, match="'books' is no path: begin with a slash"):
        cp_client.get("books")
    cp_client.base_url = "shop.example"
    with pytest.raises(NotAPathError, match=r"'shop\.example/books' is no path"):
        cp_client.get("/books")


def told(value):
    """Return a name for a test that is the same in each process."""
    return repr(value).partition(" object at")[0]


UNSENDABLE = {
    "params": [5, b"a=1", ["ab"], {"a": {"b": 1}}, {"a": [{1, 2}]}],
    "data": [5, {"a": {"b": 1}}, [("a", {1})], [1, 2], iter([None])],
    "files": [{"f": 5}, {"f": None}, {"f": ("name",)}, {"f": ("n", b"", "text/csv", {})}],
    "headers": [{"A": "1\r\nB: 2"}, {"A": "\0"}, {"A": "5 €"}, {"A": ["1", "2"]}, {"A": {}}],
    "auth": ["zoe", ("zoe",), ("zoe", None), (1, 2)],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, each) for name in UNSENDABLE for each in UNSENDABLE[name]], ids=told
)
def test_what_cannot_be_sent_is_refused(cp_client, name, value):
    with pytest.raises(RequestArgumentError, match=f"The argument {name}|The argument data has"):
        cp_client.post("/raw", **{name: value})


def test_a_cookie_that_no_field_can_hold_is_refused(cp_client):
    with pytest.raises(RequestArgumentError, match="The argument cookies has '5 €' in 'price'"):
        cp_client.cookies["price"] = "5 €"


def test_a_field_may_be_bytes_and_numbers(cp_client):
    seen = cp_client.get("/", headers={"X-A": b"caf\xe9", "X-B": 5}).json()["headers"]
    assert (seen["X-A"], seen["X-B"]) == ("café", "5")


def test_the_text_is_decoded_by_its_charset(cp_client):
    assert cp_client.get("/latin").text == "é"


def test_an_exception_of_the_handler_is_raised(cp_client):
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        cp_client.get("/broken")


def test_the_answer_to_an_exception_is_given_if_told_so(cp_client):
    cp_client.raise_exceptions = False
    response = cp_client.get("/broken")
    assert response.status_code == 500
    assert isinstance(response.exception, ZeroDivisionError)


def test_an_http_error_is_an_answer(cp_client):
    response = cp_client.get("/refused")
    assert (response.status_code, response.exception) == (403, None)


@pytest.mark.cherrypy(config={"/": {"tools.log_tracebacks.on": False}})
def test_an_exception_is_raised_even_if_it_is_not_logged(cp_client):
    with pytest.raises(ZeroDivisionError):
        cp_client.get("/broken")


def test_an_exception_that_the_handler_caught_and_logged_is_its_own_affair(cp_client):
    class Careful:
        @cherrypy.expose
        def index(self):
            try:
                raise ValueError
            except ValueError:
                cherrypy.log("mended", traceback=True)
            return "fine"

    cherrypy.tree.mount(Careful())
    assert cp_client.get("/").text == "fine"


def test_an_exception_at_the_end_of_a_request_is_raised_too_and_logged(cp_client, caplog):
    def fail():
        raise OSError("while committing")

    class Ends:
        @cherrypy.expose
        def index(self):
            cherrypy.request.hooks.attach("on_end_request", fail)
            return "sent"

    cherrypy.tree.mount(Ends())
    with pytest.raises(OSError, match="while committing"):
        cp_client.get("/")
    assert "while committing" in caplog.text
    cp_client.raise_exceptions = False
    assert cp_client.get("/").text == "sent"


def test_nothing_mounted_says_so(cp_client):
    cherrypy.tree.apps.clear()
    with pytest.raises(NothingMountedError, match=r"override the fixture cp_app, give the test @"):
        cp_client.get("/")


class ErrorPages:
    @cherrypy.expose
    def no_book(self):
        raise cherrypy.HTTPError(404, "There is no <Emma> & Co.")

    @cherrypy.expose
    def own(self):
        cherrypy.response.status = 404
        return "<p>not here</p>"

    @cherrypy.expose
    def fine(self):
        return "<h2>404 Not Found</h2><p>as a text</p>"


@pytest.mark.parametrize(
    ("path", "error"),
    [("/no_book", "There is no <Emma> & Co."), ("/own", None), ("/fine", None)],
)
@pytest.mark.cherrypy(root=ErrorPages)
def test_the_message_of_an_error_page_is_told(cp_client, path, error):
    assert cp_client.get(path).error == error


def test_any_wsgi_application_will_do():
    def hello(environ, start_response):
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"hello ")
        return [environ["PATH_INFO"].encode()]

    assert Client(hello).get("/you").content == b"hello /you"
    with Client(hello).get("/you", stream=True) as response:
        assert list(response.iter_content()) == [b"hello ", b"/you"]


def test_what_the_body_of_any_wsgi_application_raises_is_raised():
    def app(environ, start_response):
        start_response("200 OK", [])
        yield b"the beginning"
        raise ZeroDivisionError("on purpose")

    with pytest.raises(ZeroDivisionError, match="on purpose"):
        Client(app).get("/")
    client = Client(app, raise_exceptions=False)
    answer = client.get("/")
    assert (answer.content, type(answer.exception)) == (b"the beginning", ZeroDivisionError)


class Uploads:
    @cherrypy.expose
    @cherrypy.tools.json_out()
    def index(self, title, report):
        with report.file as file:
            return [title, report.filename, str(report.content_type), file.read().decode()]

    @cherrypy.expose
    def chunks(self):
        return json.dumps([line.decode() for line in cherrypy.request.body])


@pytest.mark.parametrize(
    ("file", "seen"),
    [
        (b"a,b", ["report", "application/octet-stream", "a,b"]),
        (io.BytesIO(b"a,b"), ["report", "application/octet-stream", "a,b"]),
        (bytearray(b"a,b"), ["report", "application/octet-stream", "a,b"]),
        (("r.csv", b"a,b"), ["r.csv", "application/octet-stream", "a,b"]),
        (("r.csv", io.BytesIO(b"a,b"), "text/csv"), ["r.csv", "text/csv", "a,b"]),
        (('q"\r\n.csv', b""), ["q%22%0D%0A.csv", "application/octet-stream", ""]),
    ],
)
@pytest.mark.cherrypy(root=Uploads)
def test_files_are_uploaded(cp_client, file, seen):
    response = cp_client.post("/", data={"title": "März"}, files={"report": file})
    assert response.json() == ["März", *seen]


@pytest.mark.cherrypy(root=Uploads)
def test_an_iterable_is_uploaded_in_chunks_without_a_length(cp_client):
    produced = (chunk for chunk in [b"one\ntw", b"", "o\n", b"three"])
    response = cp_client.post("/chunks", data=produced, headers={"Content-Type": "text/csv"})
    assert response.json() == ["one\n", "two\n", "three"]


@pytest.mark.cherrypy(root=Uploads)
def test_a_list_of_two_bytes_each_is_no_form(cp_client):
    response = cp_client.post("/chunks", data=[b"on", b"e\n"], headers={"Content-Type": "text/csv"})
    assert response.json() == ["one\n"]


@pytest.mark.cherrypy(root=Uploads)
def test_a_request_is_gone_with_its_response(cp_client):
    response = cp_client.post("/chunks", data=b"", headers={"Content-Type": "text/csv"})
    request = weakref.ref(response.request)
    del response
    assert request() is None  # and not only when the garbage collector comes


class Redirects:
    @cherrypy.expose
    def index(self):
        return cherrypy.request.method + cherrypy.request.body.fp.read().decode()

    @cherrypy.expose
    def away(self, status="303"):
        raise cherrypy.HTTPRedirect("/#part", int(status))

    @cherrypy.expose
    def circle(self):
        raise cherrypy.HTTPRedirect("/circle")


@pytest.mark.cherrypy(root=Redirects)
def test_redirections_are_not_followed_unless_asked(cp_client):
    response = cp_client.get("/away")
    assert (response.status_code, response.headers["Location"]) == (303, "http://127.0.0.1/#part")
    followed = cp_client.get("/away", follow_redirects=True)
    assert (followed.text, [each.status_code for each in followed.history]) == ("GET", [303])


@pytest.mark.parametrize(
    ("status", "arrives"),
    [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST{}"), (308, "POST{}")],
)
@pytest.mark.cherrypy(root=Redirects)
def test_a_redirected_post_keeps_its_method_only_where_the_status_says_so(
    cp_client, status, arrives
):
    cp_client.follow_redirects = True
    assert cp_client.post(f"/away?status={status}", json={}).text == arrives


@pytest.mark.cherrypy(root=Redirects)
def test_a_circle_of_redirections_ends(cp_client):
    with pytest.raises(TooManyRedirectsError, match=r"Gave up at http://127.0.0.1/circle after 20"):
        cp_client.get("/circle", follow_redirects=True)


def test_measurements_that_nobody_took_say_what_to_switch_on(cp_client):
    response = cp_client.get("/a")
    with pytest.raises(NotMeasuredError, match=r"cpkit\.timing\.on"):
        response.timing  # noqa: B018
    with pytest.raises(NotMeasuredError, match=r"cpkit\.db\.on"):
        response.queries  # noqa: B018


def test_a_response_and_its_client_print_what_they_are(cp_client):
    assert repr(cp_client.get("/a")) == "<Response 200 OK of http://127.0.0.1/a>"
    assert repr(Client()).startswith("Client(app=None, raise_exceptions=True")


class Counted:
    @cherrypy.expose
    def index(self):
        with cherrypy.request.timing.span("db"), cherrypy.request.timing.span("render"):
            return "ok"


@pytest.mark.cherrypy(root=Counted, config={"/": {"cpkit.timing.on": True}})
def test_the_phases_and_queries_of_a_request_can_be_asserted(cp_client):
    response = cp_client.get("/")
    assert response.timing.handler == response.timing.phases["handler"] > 0
    assert response.timing.total >= sum(response.timing.phases.values()) * 0.999
    assert response.timing.render > 0
    assert (response.queries, response.timing.seconds("never")) == (1, 0)
    with pytest.raises(AttributeError, match=r"no phase or span 'handlr'; it had <Timing \{"):
        response.timing.handlr  # noqa: B018
