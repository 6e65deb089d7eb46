"""An HTTP client that calls a WSGI application in the process."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from cpkit.errors import NotAPathError, TooManyRedirectsError

from ._cookies import Cookies
from ._request import File, Request, encode
from ._response import Response

if TYPE_CHECKING:
    from ._exchange import Exchange, WSGIApplication

_REDIRECTIONS = frozenset({301, 302, 303, 307, 308})


@dataclass
class Client:
    """Send requests to a WSGI application in the process, keeping cookies between them.

    *app* is the application, ``cherrypy.tree`` unless given. An exception that the application
    let out is raised in the test unless *raise_exceptions* is false; then the answer is the 500.
    *headers* go with every request; redirections are followed if *follow_redirects* says so, up
    to *max_redirects* of them.
    """

    app: Callable[..., Iterable[bytes]] | None = None
    raise_exceptions: bool = True
    cookies: Cookies = field(default_factory=Cookies)
    base_url: str = "http://127.0.0.1"
    headers: Mapping[str, str] = field(default_factory=dict)
    follow_redirects: bool = False
    max_redirects: int = 20
    log: Callable[[str], None] = field(default=lambda line: None, repr=False)
    _open: list[Response] = field(default_factory=list, repr=False)

    def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        data: Mapping[str, Any] | str | bytes | Iterable[bytes] | None = None,
        json: Any = None,
        files: Mapping[str, File] | None = None,
        environ: Mapping[str, Any] | None = None,
        stream: bool = False,
        follow_redirects: bool | None = None,
    ) -> Response:
        """Send one request; *path* is sent as written, query string included, or is a whole URL.

        *data* is a form, bytes, text (sent as UTF-8), or an iterable of bytes, which is sent in
        chunks; *files* maps form fields to content, ``(name, content)`` or ``(name, content,
        media_type)``. With *stream* the body is read only when it is asked for.
        """
        body, media = encode(data, json, files)
        fields = list(headers.items() if isinstance(headers, Mapping) else headers)
        given = {name.lower() for name, _ in fields}
        fields += [each for each in self.headers.items() if each[0].lower() not in given]
        if media and "content-type" not in given:
            fields.append(("Content-Type", media))
        if params:
            path += ("&" if "?" in path else "?") + urlencode(params, doseq=True)
        request = Request(method, self._url(path), fields, body)
        follow = self.follow_redirects if follow_redirects is None else follow_redirects
        return self._follow(request, environ or {}, stream=stream, follow=follow)

    def get(self, path: str, **kwargs: Any) -> Response:
        """Send a GET request."""
        return self.request("GET", path, **kwargs)

    def head(self, path: str, **kwargs: Any) -> Response:
        """Send a HEAD request."""
        return self.request("HEAD", path, **kwargs)

    def options(self, path: str, **kwargs: Any) -> Response:
        """Send an OPTIONS request."""
        return self.request("OPTIONS", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> Response:
        """Send a POST request."""
        return self.request("POST", path, **kwargs)

    def put(self, path: str, **kwargs: Any) -> Response:
        """Send a PUT request."""
        return self.request("PUT", path, **kwargs)

    def patch(self, path: str, **kwargs: Any) -> Response:
        """Send a PATCH request."""
        return self.request("PATCH", path, **kwargs)

    def delete(self, path: str, **kwargs: Any) -> Response:
        """Send a DELETE request."""
        return self.request("DELETE", path, **kwargs)

    def close(self) -> None:
        """Hang up on every stream that was not read to its end."""
        while self._open:
            self._open.pop()._exchange.close()

    def _url(self, path: str) -> str:
        if path.startswith(("http://", "https://")):
            return path
        if path[:1] not in ("", "/", "?"):
            raise NotAPathError(path)
        return self.base_url + path

    def _follow(
        self, request: Request, environ: Mapping[str, Any], *, stream: bool, follow: bool
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

    def _send(self, request: Request, environ: Mapping[str, Any], *, stream: bool) -> Response:
        exchange_class, tree = _cherrypy()
        host, path, secure = _origin(request.url)
        made = request.environ(self.cookies.field(host, path, secure=secure))
        made.update(environ)
        exchange = exchange_class(self.app or tree(), made)
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
def _cherrypy() -> tuple[type[Exchange], Callable[[], WSGIApplication]]:
    """Return what needs CherryPy: pytest loads this module in every run, with it or without."""
    import cherrypy

    from ._exchange import Exchange

    return Exchange, lambda: cherrypy.tree


@lru_cache
def _origin(url: str) -> tuple[str, str, bool]:
    """Return the host, the path and whether the scheme is secure: what cookies go by."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.path or "/", parts.scheme == "https"
