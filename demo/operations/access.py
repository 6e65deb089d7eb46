"""The access log: a JSON object a line."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import cherrypy
from cherrypy._cplogging import LogManager

_WRITTEN = json.JSONEncoder(ensure_ascii=False).encode  # PERF: json.dumps makes one each time


class JsonAccessLog(LogManager):
    """Log each request with its route, its status, its size and its time."""

    def access(self) -> None:
        """Write the line of the current request; CherryPy calls this once the body is ready."""
        entry = access_entry(cherrypy.serving.request, cherrypy.serving.response)
        self.access_log.log(logging.INFO, _WRITTEN(entry))


def access_entry(request: Any, response: Any) -> dict[str, Any]:
    """Return what is logged of a request; never a query, a cookie or a header of credentials."""
    size = response.headers.get("Content-Length")
    started = getattr(request, "dispatch_started", None)
    entry = {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "client": request.remote.ip,
        "method": request.method,
        "path": request.path_info,
        "route": getattr(request, "route", None),
        "status": int((response.output_status or b"0").split()[0]),
        "bytes": int(size) if size else None,
        "ms": None if started is None else round((time.perf_counter_ns() - started) / 1e6, 2),
        "trace": request.headers.get("traceparent"),
        "agent": request.headers.get("User-Agent"),
    }
    return {name: value for name, value in entry.items() if value is not None}
