"""What a dispatcher asks of CherryPy's request, and leaves on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from functools import partial
from typing import Any, Protocol

import cherrypy
from cherrypy.lib.httputil import urljoin

from cpkit.cherry import Application, Hook, Request
from cpkit.routing.conditions import Environ
from cpkit.routing.generation import CONTROL

FIRST, LAST = float("-inf"), float("inf")  # priorities of hooks around any tool's


class RoutedRequest(Request, Protocol):
    """A request that a RoutesDispatcher has dispatched."""

    app: Application
    dispatch_started: int
    namespaces: Callable[[Mapping[str, Any]], None]
    route: str | None
    routed: tuple[Any, str, dict[str, Any] | None, Any]
    protected: dict[str, Any]


class Answer(partial):  # type: ignore[type-arg]  # what it returns is a response's body
    """What answers a request in the place of a page handler, without its parameters."""


DIRECT = Answer, cherrypy.HTTPError


def fail(error: Exception) -> None:
    """Raise *error*."""
    raise error


def no_content() -> None:
    """Answer an automatic OPTIONS: 204, the header is all there is to say."""
    response = cherrypy.serving.response
    response.status = 204
    response.headers.pop("Content-Type", None)


def allow(methods: Iterable[str]) -> None:
    """Set the ``Allow`` header (RFC 9110, 10.2.1)."""
    cherrypy.serving.response.headers["Allow"] = ", ".join(sorted({*methods, "OPTIONS"}))


def asked_method(request: Request, answered: Iterable[str]) -> str:
    """Return the one of *answered* methods whose route a refusal or an OPTIONS belongs to.

    It is the one that a CORS preflight asks for, else GET, else the first.
    """
    preflight = request.headers.get("Access-Control-Request-Method", "")
    methods = sorted(answered)
    return next((each for each in (preflight, "GET") if each in methods), methods[0])


def wants_slash(request: Request, fault: str) -> bool:
    """Tell whether ``tools.trailing_slash`` is to mend *fault*: "missing" or "extra"."""
    tool = "tools.trailing_slash."
    wanted = request.config.get(tool + fault, fault == "missing")
    return bool(request.config.get(tool + "on") and wanted)


def environ_of(request: Request) -> dict[str, Any]:
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
    return {**environ, "REQUEST_METHOD": request.method}


def is_of_server(environ: Mapping[str, Any]) -> bool:
    """Tell whether the target is ``*``, the server as a whole (RFC 9110, 9.3.7).

    CherryPy's server makes a path of it, ``/*``; gunicorn has the target as RAW_URI.
    """
    return "*" in (environ.get("REQUEST_URI"), environ.get("RAW_URI"))


def is_malformed(path: str, request: RoutedRequest) -> bool:
    """Tell whether *path* holds control characters or bytes that are no text."""
    if not path.isprintable() and CONTROL.search(path):
        return True
    return not path.isascii() and _is_misread(request)


def _is_misread(request: RoutedRequest) -> bool:
    """Tell whether CherryPy took the path for Latin-1 because it could not be decoded."""
    environ = getattr(request, "wsgi_environ", None)
    if environ is None or "cherrypy.previous_request" in environ:
        return False
    path_info = environ.get("PATH_INFO", "")
    encoding = uri_encoding(request, path_info)
    try:
        raw = urljoin(environ.get("SCRIPT_NAME", ""), path_info).encode("latin-1")
        path = raw.decode(encoding)
    except UnicodeError:
        return True
    return bool(path[len(request.script_name) :] != request.path_info)


def uri_encoding(request: RoutedRequest, path_info: str) -> str:
    """Return the encoding that CherryPy reads the path by."""
    return str(request.app.find_config(path_info, "request.uri_encoding", "utf-8"))


# CherryPy merges the query into request.params after the hooks of on_start_resource, and the body
# after those of before_request_body. What tools did to the variables of the path, by then, stands.
def protect(request: RoutedRequest, optional: set[str]) -> None:
    """Protect what is in ``request.params`` from query and body.

    A variable of the path that is *optional*, and absent from it, leaves its name to them.
    """
    params = request.params
    request.protected = {
        name: value for name, value in params.items() if value is not None or name not in optional
    }
    request.hooks["on_start_resource"].append(BEFORE_QUERY)
    request.hooks["before_request_body"].append(AFTER_QUERY)


def _before_query() -> None:
    request = cherrypy.serving.request
    params, names = request.params, request.protected
    request.protected = {name: params.get(name, GONE) for name in names}
    if request.body is not None:
        request.body.request_params = BodyParams(request.body.request_params, frozenset(names))


def _after_query() -> None:
    request = cherrypy.serving.request
    for name, value in request.protected.items():
        if value is GONE:
            request.params.pop(name, None)
        else:
            request.params[name] = value


GONE = object()
BEFORE_QUERY = Hook(_before_query, priority=LAST)
AFTER_QUERY = Hook(_after_query, priority=FIRST)


def may_have_body(environ: Mapping[str, Any]) -> bool:
    """Tell whether the request announces a body (RFC 9112, 6)."""
    return bool(environ.get("CONTENT_LENGTH")) or "HTTP_TRANSFER_ENCODING" in environ


def overlook_body(request: RoutedRequest, environ: Environ) -> None:
    """Have a body that cannot be read leave the answer as it is: that no handler is there.

    It is read all the same: tools answer where no handler does, as ``tools.session_auth``.
    """
    # NOTE: of a POST without a body CherryPy asks the length, with a 411, before all else.
    request.process_request_body = may_have_body(environ)
    if request.process_request_body:
        request.hooks["before_request_body"].append(BEFORE_BODY)


def _before_body() -> None:
    body = cherrypy.serving.request.body
    body.process = partial(_read_if_possible, body.process)


def _read_if_possible(read: Callable[[], None]) -> None:
    try:
        read()
    except (LookupError, ValueError, EOFError):  # which CherryPy answers with a 500
        pass
    except cherrypy.HTTPError as error:
        if type(error) is not cherrypy.HTTPError or error.code != 400:
            raise  # a body that is too long, or after which the connection ends


BEFORE_BODY = Hook(_before_body, priority=LAST)


class BodyParams(MutableMapping[str, Any]):
    """The request's parameters, as its body may fill them: but for the *protected* names."""

    def __init__(self, params: dict[str, Any], protected: frozenset[str]) -> None:
        self.params, self.protected = params, protected

    def __getitem__(self, name: str) -> Any:
        value = self.params[name]
        if name in self.protected or value is None:
            raise KeyError(name)  # CherryPy puts a second value beside a first one
        return value

    def __setitem__(self, name: str, value: object) -> None:
        if name not in self.protected:
            self.params[name] = value

    def __delitem__(self, name: str) -> None:
        if name not in self.protected:
            del self.params[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.params)

    def __len__(self) -> int:
        return len(self.params)
