"""What the application answered, read when it is asked for."""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Iterator
from html import unescape
from typing import TYPE_CHECKING, Any
from wsgiref.headers import Headers as WsgiHeaders

from cpkit.errors import NotMeasuredError

if TYPE_CHECKING:
    from ._exchange import Exchange

# CherryPy's page has the status as its heading, the message as the paragraph below.
_MESSAGE = re.compile(r"<h2>\d{3} [^<]*</h2>\s*<p>(.*?)</p>", re.DOTALL)
_CHARSET = re.compile(r'charset="?([^\s;"]+)', re.IGNORECASE)


class Headers(WsgiHeaders):
    """The fields of an answer, whose names one can go through as those of a mapping."""

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())


class Response:
    """An answer: the status, the headers, the body, and what the request left behind.

    *exception* is what the application let out, if it did; *request* is CherryPy's request
    object; *history* holds the redirections that were followed.
    """

    def __init__(self, exchange: Exchange, url: str, *, raise_exceptions: bool) -> None:
        self.url = url
        self.history: list[Response] = []
        self._exchange = exchange
        self._raise_exceptions = raise_exceptions
        self._content: bytes | None = None

    def __repr__(self) -> str:
        return f"<Response {self.status_code} {self.reason} of {self.url}>"

    def __enter__(self) -> Response:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    # NOTE: an application may take back status and headers until the first chunk (PEP 3333).
    @property
    def status_code(self) -> int:
        """Return the status as a number."""
        return int(self._exchange.status[:3])

    @property
    def reason(self) -> str:
        """Return the words after the status code."""
        return self._exchange.status[4:]

    @property
    def headers(self) -> Headers:
        """Return the fields, by name in any case; ``.get_all(name)`` has them all."""
        return Headers(self._exchange.headers)

    @property
    def content(self) -> bytes:
        """Return the body; of a stream, what has not been read yet."""
        if self._content is None:
            self._content = self._exchange.read_all()
            self._raise()
        return self._content

    @property
    def text(self) -> str:
        """Decode the body by its charset, UTF-8 unless given."""
        found = _CHARSET.search(self.headers.get("Content-Type") or "")
        return self.content.decode(found[1] if found else "utf-8")

    @property
    def error(self) -> str | None:
        """Return the message of CherryPy's error page, unescaped; None for any other answer."""
        found = _MESSAGE.search(self.text) if self.status_code >= 400 else None
        return unescape(found[1]) if found else None

    @property
    def exception(self) -> BaseException | None:
        """Return the exception that the application let out, or None."""
        return self._exchange.exception

    @property
    def request(self) -> Any:
        """Return the ``cherrypy.request`` that was answered; None if no application was reached."""
        return self._exchange.request

    @property
    def timing(self) -> Timing:
        """Return what the request spent its time on, as the ``cpkit.timing`` tool measured it."""
        spans = getattr(self.request, "timing", None)
        if spans is None:
            raise NotMeasuredError("The request was not timed: set cpkit.timing.on for its path.")
        return Timing(spans)

    @property
    def queries(self) -> int:
        """Return how many database queries the request made."""
        return _queries(self.request)

    def json(self) -> Any:
        """Parse the body as JSON."""
        return jsonlib.loads(self.content)

    def iter_content(self) -> Iterator[bytes]:
        """Yield the body as the application produces it, chunk by chunk."""
        while (chunk := self._exchange.read()) is not None:
            yield chunk
        self.close()

    def close(self) -> None:
        """Leave the rest of the body unread, as a client does that hangs up."""
        self._exchange.close()
        self._raise()

    def _raise(self) -> None:
        if self.exception is not None and self._raise_exceptions:
            raise self.exception


class Timing:
    """Where a request's time went, in seconds: ``timing.handler``, or all of ``.phases``.

    A phase or span that the request did not have raises AttributeError, so that a misspelt name
    in a test is no test that passes; ``.seconds(name)`` is 0 then.
    """

    def __init__(self, measured: Any) -> None:
        self._measured = measured

    def __repr__(self) -> str:
        return f"<Timing {self.phases}>"

    def __getattr__(self, name: str) -> float:
        if name not in self.phases and not self.count(name):
            raise AttributeError(f"This request had no phase or span {name!r}; it had {self}.")
        return self.seconds(name)

    @property
    def phases(self) -> dict[str, float]:
        """Return the seconds of each phase, in the order in which they came."""
        return dict(self._measured.phases)

    @property
    def total(self) -> float:
        """Return the seconds from the start of the request to its last byte."""
        return float(self._measured.total)

    def seconds(self, name: str) -> float:
        """Return the time spent in the phase or span *name*, in seconds."""
        return float(self._measured.seconds(name))

    def count(self, name: str) -> int:
        """Return how many times the span *name* was measured."""
        return int(self._measured.count(name))


def _queries(request: Any) -> int:
    spans = getattr(request, "timing", None)
    if spans is not None:
        return int(spans.count("db"))
    queries = getattr(getattr(request, "db", None), "queries", None)
    if queries is None:
        raise NotMeasuredError(
            "Nothing counts the queries of this request: set cpkit.timing.on or cpkit.db.on."
        )
    return queries if isinstance(queries, int) else len(queries)
