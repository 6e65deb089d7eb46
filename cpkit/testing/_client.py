"""An HTTP client that calls a WSGI application in the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, TypedDict
from urllib.parse import urlsplit

from cpkit.errors import NotAPathError, TooManyRedirectsError

from ._body import Data, Files, Form, encode, query
from ._cookies import Cookies
from ._request import Auth, Headers, Request, auth_in, basic, fields_of
from ._response import Response

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._exchange import Exchange, WSGIApplication
    from ._mounted import Mounted

_REDIRECTIONS = frozenset({301, 302, 303, 307, 308})


class Arguments(TypedDict, total=False):
    """What can be said of a request besides its method and its path."""

    params: Form | str | None
    headers: Headers
    data: Data | None
    json: object
    files: Files | None
    auth: Auth | None
    environ: Mapping[str, object]
    stream: bool
    follow_redirects: bool | None


@dataclass
class Client:
    """A client that sends requests to a WSGI application in the process, and keeps its cookies.

    *app* is the application, ``cherrypy.tree`` unless given. An exception that the application
    let out is raised in the test unless *raise_exceptions* is false; then the answer is the 500.
    *headers* and *auth*, a pair of name and password, go with every request; redirections are
    followed if *follow_redirects* says so, up to *max_redirects* of them. Unless *check* is false,
    settings that would end the start of CherryPy's engine end the first request.
    """

    app: WSGIApplication | None = None
    raise_exceptions: bool = True
    cookies: Cookies = field(default_factory=Cookies)
    base_url: str = "http://127.0.0.1"
    headers: Mapping[str, str] = field(default_factory=dict)
    auth: Auth | None = None
    follow_redirects: bool = False
    max_redirects: int = 20
    check: bool = True
    log: Callable[[str], None] = field(default=lambda line: None, repr=False)
    _open: list[Response] = field(default_factory=list, repr=False)
    _mounted: Mounted | None = field(default=None, repr=False)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Form | str | None = None,
        headers: Headers = (),
        data: Data | None = None,
        json: object = None,
        files: Files | None = None,
        auth: Auth | None = None,
        environ: Mapping[str, object] | None = None,
        stream: bool = False,
        follow_redirects: bool | None = None,
    ) -> Response:
        """Send one request; *path* is sent as written, query string included, or is a whole URL.

        *data* is a form (a dict or pairs), bytes, text (sent as UTF-8), or an iterable of these,
        which is sent in chunks; *files* maps form fields to content, ``(name, content)`` or
        ``(name, content, media_type)``, or to a list of these. What is None in a form or in
        *params* is left out. With *stream* the body is read only when it is asked for. Raises
        RequestArgumentError for what cannot be sent.
        """
        body, media = encode(data, json, files)
        if params:
            path += "&" if "?" in path else "?"
            path += params if isinstance(params, str) else query(params, "params")
        url, inline = auth_in(self._url(path))
        fields = fields_of(
            headers,
            basic(auth or inline or self.auth),
            [("Content-Type", media)] if media else [],
            self.headers,
        )
        follow = self.follow_redirects if follow_redirects is None else follow_redirects
        request = Request(method, url, fields, body)
        return self._follow(request, environ or {}, stream=stream, follow=follow)

    def get(self, path: str, **arguments: Unpack[Arguments]) -> Response:
        """Send a GET request."""
        return self.request("GET", path, **arguments)

    def head(self, path: str, **arguments: Unpack[Arguments]) -> Response:
        """Send a HEAD request."""
        return self.request("HEAD", path, **arguments)

    def options(self, path: str, **arguments: Unpack[Arguments]) -> Response:
        """Send an OPTIONS request."""
        return self.request("OPTIONS", path, **arguments)

    def post(self, path: str, **arguments: Unpack[Arguments]) -> Response:
        """Send a POST request."""
        return self.request("POST", path, **arguments)

    def put(self, path: str, **arguments: Unpack[Arguments]) -> Response:
        """Send a PUT request."""
        return self.request("PUT", path, **arguments)

    def patch(self, path: str, **arguments: Unpack[Arguments]) -> Response:
        """Send a PATCH request."""
        return self.request("PATCH", path, **arguments)

    def delete(self, path: str, **arguments: Unpack[Arguments]) -> Response:
        """Send a DELETE request."""
        return self.request("DELETE", path, **arguments)

    def close(self) -> None:
        """Hang up on every stream that was not read to its end."""
        while self._open:
            self._open.pop()._exchange.close()

    def _url(self, path: str) -> str:
        url = self.base_url + path if path[:1] in ("", "/", "?") else path
        if not url.startswith(("http://", "https://")):
            raise NotAPathError(url)
        return url

    def _follow(
        self, request: Request, environ: Mapping[str, object], *, stream: bool, follow: bool
    ) -> Response:
        history: list[Response] = []
        while True:
            response = self._send(request, environ, stream=stream)
            location = response.headers.get("Location") if follow else None
            if location is None or response.status_code not in _REDIRECTIONS:
                response.history = history
                return response
            if len(history) == self.max_redirects:
                raise TooManyRedirectsError(request.url, self.max_redirects)
            history.append(response)
            request = request.redirected(response.status_code, location.partition("#")[0])

    def _send(self, request: Request, environ: Mapping[str, object], *, stream: bool) -> Response:
        exchange_class, mounted_class = _cherrypy()
        if self._mounted is None:
            self._mounted = mounted_class(check=self.check)
        host, path, secure = _origin(request.url)
        made = request.environ(self.cookies.field(host, path, secure=secure))
        made.update(environ)
        exchange = exchange_class(self.app or self._mounted, made, stream=stream)
        for name, value in exchange.headers:
            if name.lower() == "set-cookie":
                self.cookies.receive(value, host, path)
        response = Response(exchange, request.url, raise_exceptions=self.raise_exceptions)
        self.log(f"{request.method} {request.url} -> {exchange.status}")
        if stream and response.exception is None:
            self._open.append(response)
        else:
            response.content  # noqa: B018
        return response


@cache
def _cherrypy() -> tuple[type[Exchange], type[Mounted]]:
    """Return what needs CherryPy: pytest loads this module in every run, with it or without."""
    from ._exchange import Exchange
    from ._mounted import Mounted

    return Exchange, Mounted


@lru_cache
def _origin(url: str) -> tuple[str, str, bool]:
    """Return the host, the path and whether the scheme is secure: what cookies go by."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.path or "/", parts.scheme == "https"
