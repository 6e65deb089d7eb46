"""One line of JSON for one event, whatever is in it: ASCII, and no control characters."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Protocol

from cpkit.cherry import Host, Response

from .request_ids import trace_id

_LONGEST = 1024  # characters of what a client sends
_WHEN = re.compile(r"\[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\] ?")  # as CherryPy begins its messages
_write = json.JSONEncoder(default=str).encode  # PERF: json.dumps makes an encoder each time


class Served(Protocol):
    """What is told of a request."""

    method: str
    script_name: str
    path_info: str
    remote: Host
    headers: dict[str, str]


def access_line(request: Served, response: Response, request_id: str, taken: int) -> str:
    """Return the line of a request that took *taken* ns; it holds no query, cookie or credential.

    Text of the client's is cut to 1,024 characters.
    """
    size = response.headers.get("Content-Length")
    traceparent = request.headers.get("Traceparent")
    told = {
        "time": rfc3339(time.time()),
        "client": request.remote.ip,
        "method": request.method[:_LONGEST],
        "path": (request.script_name + request.path_info)[:_LONGEST],
        "route": getattr(request, "route", None),
        "status": int((response.output_status or b"0").split()[0]),
        "bytes": int(size) if size else None,
        "ms": round(taken / 1e6, 2),
        "request": request_id,
        "trace": traceparent if traceparent and trace_id(traceparent) else None,
        "agent": request.headers.get("User-Agent", "")[:_LONGEST] or None,
    }
    return _write({name: value for name, value in told.items() if value is not None})


def rfc3339(seconds: float) -> str:
    """Return the time as RFC 3339 has it, in milliseconds and UTC."""
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


class JsonFormatter(logging.Formatter):
    """A formatter of records as lines of JSON; a line that is JSON already stays as it is.

    Its keys are ``time``, ``level``, ``logger``, ``message``, ``request`` and ``traceback``.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of *record*."""
        message = record.getMessage()
        if getattr(record, "is_json", False):
            return message
        told = {
            "time": rfc3339(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": _WHEN.sub("", message, count=1).strip(),
        }
        request = getattr(record, "request_id", None)
        if request:
            told["request"] = request
        if record.exc_info:
            told["traceback"] = self.formatException(record.exc_info)
        if record.stack_info:
            told["stack"] = record.stack_info
        return _write(told)
