"""Use the pieces from an installed wheel without its extras, as a project elsewhere would."""

import importlib.util
import io
import json

import cherrypy

import cpkit.tools
from cpkit.dispatchers import RoutesDispatcher


class Library:
    """Answer one URL as JSON or text."""

    @cpkit.tools.timing(header=True)
    @cpkit.tools.accept(media={"application/json": json.dumps, "text/plain": str})
    def book(self, library_id, book_id):
        """Return what the URL said."""
        return {"library": library_id, "book": book_id}


def get(path, accept):
    """Return the status, the headers and the body of a request in the process."""
    answer = []
    environ = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        "HTTP_ACCEPT": accept,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
    }
    chunks = cherrypy.tree(environ, lambda status, headers: answer.extend([status, dict(headers)]))
    body = b"".join(chunks)
    chunks.close()
    return answer[0], answer[1], body


def main():
    """Check that the core works without extras and that the extras are asked for by name."""
    for absent in ("sqlalchemy", "prometheus_client", "pytest", "msgspec"):
        assert importlib.util.find_spec(absent) is None, f"{absent} came along uninvited"

    dispatcher = RoutesDispatcher()
    dispatcher.connect("book", "/library/{library_id}/book/{book_id}", Library(), action="book")
    config = {"/": {"request.dispatch": dispatcher}}
    cherrypy.config.update({"log.screen": False})
    cherrypy.tree.mount(None, "/", config)

    status, headers, body = get("/library/12/book/15", "application/json")
    assert status == "200 OK", status
    assert json.loads(body) == {"library": "12", "book": "15"}, body
    assert headers["Content-Type"] == "application/json", headers
    assert headers["Vary"] == "Accept", headers
    assert "total;dur=" in headers["Server-Timing"], headers
    assert get("/library/12/book/15", "image/png")[0].startswith("406")
    assert get("/library/12", "*/*")[0].startswith("404")

    try:
        from cpkit.plugins import DatabasePlugin  # noqa: F401
    except ImportError as error:
        assert "cpkit[db]" in str(error), error
    else:
        raise AssertionError("DatabasePlugin was imported without SQLAlchemy")
    print("The wheel alone: dispatcher, accept and timing work; the plugin names its extra.")


if __name__ == "__main__":
    main()
