"""What a dispatcher asks of CherryPy's request, and leaves on it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

import cherrypy
from cherrypy.lib.httputil import urljoin

from cpkit.cherry import test_callable_spec

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
FIRST = float("-inf")  # the priority of a hook that comes before any tool's


def environ_of(request: Any) -> dict[str, Any]:
    """Return the WSGI environ of *request*, its method included; any server has one here."""
    environ: dict[str, Any] | None = getattr(request, "wsgi_environ", None)
    if environ is None:  # CherryPy's native server
        environ = {
            "SCRIPT_NAME": request.script_name,
            "PATH_INFO": request.path_info,
            "QUERY_STRING": request.query_string,
            "wsgi.url_scheme": request.scheme,
            "SERVER_NAME": request.local.name,
            "SERVER_PORT": str(request.local.port),
        }
        for name, value in request.headers.items():
            environ["HTTP_" + name.upper().replace("-", "_")] = value
        environ["CONTENT_LENGTH"] = request.headers.get("Content-Length", "")
    if environ.get("REQUEST_METHOD") != request.method:
        return {**environ, "REQUEST_METHOD": request.method}
    return environ


def is_malformed(path: str, request: Any) -> bool:
    """Tell whether *path* holds control characters or bytes that are no text."""
    if not path.isprintable() and CONTROL.search(path):
        return True
    return not path.isascii() and _is_misread(request)


def _is_misread(request: Any) -> bool:
    """Tell whether CherryPy took the path for Latin-1 because it could not be decoded."""
    environ = getattr(request, "wsgi_environ", None)
    if environ is None or "cherrypy.previous_request" in environ:
        return False
    path_info = environ.get("PATH_INFO", "")
    encoding = request.app.find_config(path_info, "request.uri_encoding", "utf-8")
    try:
        raw = urljoin(environ.get("SCRIPT_NAME", ""), path_info).encode("latin-1")
        path = raw.decode(encoding)
    except UnicodeError:
        return True
    return bool(path[len(request.script_name) :] != request.path_info)


def may_have_body(environ: Mapping[str, Any]) -> bool:
    """Tell whether the request announces a body (RFC 9112, 6)."""
    return bool(environ.get("CONTENT_LENGTH")) or "HTTP_TRANSFER_ENCODING" in environ


def keep(request: Any) -> None:
    """Keep what is in ``request.params``, the path's variables, above query and body.

    CherryPy merges the query string before the hooks of ``before_request_body``, the body
    before those of ``before_handler``: the variables are put back first thing in each.
    """
    put_back = partial(request.params.update, dict(request.params))
    request.hooks.attach("before_request_body", put_back, priority=FIRST)
    request.hooks.attach("before_handler", put_back, priority=FIRST)


class PageHandler(cherrypy.dispatch.LateParamPageHandler):
    """Call a handler with ``request.params``, and answer what they can't fit with 404 or 400."""

    def __call__(self) -> Any:
        """Call the handler; a parameter named as its ``self`` is one it doesn't take."""
        try:
            return self.callable(*self.args, **self.kwargs)
        except TypeError as error:
            self._refuse_mismatch(error)
            raise

    def _refuse_mismatch(self, error: TypeError) -> None:
        test_callable_spec(self.callable, self.args, self.kwargs)
        name = _receiver(self.callable)
        if name is not None and name in self.kwargs:
            in_body = name in (cherrypy.serving.request.body.params or {})
            raise cherrypy.HTTPError(400 if in_body else 404) from error


def _receiver(handler: Any) -> str | None:
    """Return the name of a bound method's first parameter if a keyword could clash with it."""
    function = getattr(handler, "__func__", None) or type(handler).__call__
    code = getattr(function, "__code__", None)
    if code is None or code.co_posonlyargcount or not code.co_argcount:
        return None
    name: str = code.co_varnames[0]
    return name


def allow(methods: frozenset[str]) -> None:
    """Set the ``Allow`` header (RFC 9110, 10.2.1)."""
    cherrypy.serving.response.headers["Allow"] = ", ".join(sorted(methods))


def no_content(*args: Any, **kwargs: Any) -> None:
    """Answer an automatic OPTIONS: 204, the header is all there is to say."""
    response = cherrypy.serving.response
    response.status = 204
    response.headers.pop("Content-Type", None)
