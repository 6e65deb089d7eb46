"""Requests that break their grammar: the client's fault, where CherryPy answers with a 500."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

import cherrypy
from cherrypy import _cpreqbody
from cherrypy._cprequest import Request

from ..pages.errors import error_page
from .security import headers

# RFC 9110, 14.1.1; more than four ranges are nobody's need, and each is a copy of the file.
_RANGE = r"\s*([0-9]{1,15}-[0-9]{0,15}|-[0-9]{1,15})\s*"
_RANGES = re.compile(rf"bytes={_RANGE}(,{_RANGE}){{0,3}}")


class CarefulRequest(Request):
    """Be a request whose header fields may be anything."""

    # The config is read after the header fields: what is wrong with these is told by the class.
    show_tracebacks = False
    error_page: ClassVar = {"default": error_page}

    def process_headers(self) -> None:
        """Read the header fields; one that cannot be decoded is a 400."""
        headers()
        try:
            super().process_headers()
        # An RFC 2047 word in a charset that is none, or, a TypeError, one beside other text.
        except (LookupError, ValueError, TypeError) as error:
            raise cherrypy.HTTPError(400, "A header field cannot be decoded.") from error
        ranges = dict.get(self.headers, "Range")
        if ranges and not _RANGES.fullmatch(ranges):
            del self.headers["Range"]  # RFC 9110, 14.2: an invalid one is ignored


def refusing(read: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return *read*, which reads a request body, so that one that breaks its grammar is a 4xx."""

    def process(body: Any) -> None:
        try:
            read(body)
        except (LookupError, ValueError, EOFError) as error:
            raise _refusal(400, "The body of this request cannot be read.") from error
        except OSError as error:
            too_large = "Too Large" in str(error)  # what cheroot says of chunks
            raise _refusal(413 if too_large else 408) from error

    return process


def _refusal(status: int, message: str | None = None) -> cherrypy.HTTPError:
    # Where the next request begins is not known.
    cherrypy.serving.response.headers["Connection"] = "close"
    return cherrypy.HTTPError(status, message)


def _whole_form(body: Any) -> None:
    """Read a form; CherryPy takes what came of one whose client has gone in the middle."""
    _cpreqbody.process_urlencoded(body)
    if body.fp.bytes_read < (body.length or 0):
        raise EOFError


def _no_body(body: Any) -> None:
    if body.fp.read(1):
        raise _refusal(415, "Send a form: application/x-www-form-urlencoded.")


BODIES = {
    "request.body.attempt_charsets": ["utf-8"],
    "request.body.processors": {"application/x-www-form-urlencoded": refusing(_whole_form)},
    "request.body.default_proc": lambda: refusing(_no_body)(cherrypy.serving.request.body),
}
"""The settings that read forms, and nothing else, into parameters."""
