"""Streams, nested requests and several at once: each sees its own request."""

import threading

import cherrypy
import pytest

PRODUCED = []


class Streams:
    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def numbers(self, name):
        def produce():
            try:
                for number in range(3):
                    PRODUCED.append(number)
                    yield f"{cherrypy.request.params['name']}{number} ".encode()
            finally:
                PRODUCED.append("closed")

        return produce()

    @cherrypy.expose
    @cherrypy.config(**{"response.stream": True})
    def breaks(self, after):
        def produce():
            yield from [b"chunk"] * int(after)
            raise OSError("the disk is gone")

        return produce()

    @cherrypy.expose
    def who(self, name):
        return cherrypy.request.params["name"]

    @cherrypy.expose
    def inner(self):
        cherrypy.request.app.root.client.cookies["a"] = "1"
        return self.client.get("/who?name=inner").text + cherrypy.request.path_info

    @cherrypy.expose
    def internal(self):
        raise cherrypy.InternalRedirect("/who", "name=redirected")


@pytest.fixture
def cp_app():
    PRODUCED.clear()
    return Streams()


def test_a_stream_is_read_as_it_is_produced(cp_client):
    chunks = cp_client.get("/numbers?name=a", stream=True).iter_content()
    assert PRODUCED == []
    assert (next(chunks), PRODUCED) == (b"a0 ", [0])
    assert (next(chunks), PRODUCED) == (b"a1 ", [0, 1])


def test_the_rest_of_a_stream_is_its_content(cp_client):
    response = cp_client.get("/numbers?name=a", stream=True)
    next(response.iter_content())
    assert response.text == "a1 a2 "
    assert PRODUCED[-1] == "closed"


def test_a_stream_that_is_not_read_on_is_closed(cp_client):
    with cp_client.get("/numbers?name=a", stream=True) as response:
        next(response.iter_content())
    assert PRODUCED == [0, "closed"]
    assert (list(response.iter_content()), response.content) == ([], b"")


@pytest.fixture
def after_the_client():
    yield
    assert PRODUCED == [0, "closed"]


def test_streams_that_a_test_leaves_open_are_closed_after_it(after_the_client, cp_client):
    next(cp_client.get("/numbers?name=a", stream=True).iter_content())
    assert PRODUCED == [0]


def test_interleaved_streams_see_each_its_own_request(cp_client):
    one, two = (
        cp_client.get(f"/numbers?name={name}", stream=True).iter_content() for name in ("a", "b")
    )
    read = [next(one), next(two), cp_client.get("/who?name=c").content, next(one), next(two)]
    assert read == [b"a0 ", b"b0 ", b"c", b"a1 ", b"b1 "]


def test_a_handler_may_call_the_client(cp_client):
    cherrypy.tree.apps[""].root.client = cp_client
    assert cp_client.get("/inner").text == "inner/inner"


def test_the_test_itself_serves_no_request_afterwards(cp_client):
    before = dict(vars(cherrypy.serving))
    cp_client.get("/who?name=a")
    cp_client.get("/numbers?name=a", stream=True)
    assert vars(cherrypy.serving) == before


def test_an_internal_redirect_answers_with_the_last_request(cp_client):
    response = cp_client.get("/internal")
    assert (response.text, response.request.path_info) == ("redirected", "/who")


def test_a_stream_that_breaks_off_raises_where_it_is_read(cp_client):
    chunks = cp_client.get("/breaks?after=1", stream=True).iter_content()
    assert next(chunks) == b"chunk"
    with pytest.raises(OSError, match="the disk is gone"):
        next(chunks)


def test_a_body_that_breaks_off_raises(cp_client):
    with pytest.raises(OSError, match="the disk is gone"):
        cp_client.get("/breaks?after=2")


def test_a_stream_that_breaks_off_ends_there_if_told_not_to_raise(cp_client):
    cp_client.raise_exceptions = False
    response = cp_client.get("/breaks?after=2", stream=True)
    assert list(response.iter_content()) == [b"chunk", b"chunk"]
    assert (response.status_code, str(response.exception)) == (200, "the disk is gone")
    assert cp_client.get("/breaks?after=2").content == b"chunkchunk"


def test_a_stream_that_fails_before_its_first_chunk_is_a_500(cp_client):
    # PEP 3333: headers go out with the first chunk, until then they can be taken back.
    cp_client.raise_exceptions = False
    response = cp_client.get("/breaks?after=0")
    assert response.status_code == 500


def test_requests_in_several_threads_do_not_meet(cp_client):
    answers = {}

    def ask(name):
        answers[name] = [cp_client.get(f"/who?name={name}").text for _ in range(20)]

    threads = [threading.Thread(target=ask, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {name: [name] * 20 for name in "abcd"}
