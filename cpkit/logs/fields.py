"""The header fields of a request, as CherryPy logs them beside an unexpected error."""

from __future__ import annotations

import cherrypy

from .lines import LONGEST

# NOTE: a list of what is harmless: what else is sent may be a key, or hold one, as Referer may.
_HARMLESS = {
    "Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language",
    "Access-Control-Request-Headers", "Access-Control-Request-Method", "Cache-Control",
    "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Expect", "Host",
    "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since",
    "Origin", "Range", "Remote-Addr", "Sec-Fetch-Dest", "Sec-Fetch-Mode", "Sec-Fetch-Site",
    "Sec-Fetch-User", "Te", "Traceparent", "Transfer-Encoding", "Upgrade", "User-Agent",
    "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id",
    "X-Requested-With",
}  # fmt: skip


def log_fields(debug: bool = False) -> None:
    """Log the request's fields: of those that may hold a secret only how long they are.

    It stands in for CherryPy's ``log_request_headers``, the callable of ``tools.log_headers``.
    """
    fields = [
        f"  {name}: {_shown(name, str(value))}"
        for name, value in cherrypy.serving.request.header_list
    ]
    cherrypy.log("\nRequest Headers:\n" + "\n".join(fields), "HTTP")


def _shown(name: str, value: str) -> str:
    return value[:LONGEST] if name.title() in _HARMLESS else f"({len(value)} characters)"
