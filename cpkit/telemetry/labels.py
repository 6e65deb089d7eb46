"""What a request is counted under: labels that are few, whatever clients send."""

from __future__ import annotations

import sys
from typing import Any

KNOWN_METHODS = frozenset(
    ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE")
)
OTHER_METHOD = "_OTHER"  # OpenTelemetry, HTTP metrics: http.request.method
OVERFLOW = "_OVERFLOW"
UNMATCHED = ""  # OpenTelemetry: no http.route; Prometheus: an empty label is no label


def route_of(request: Any, handler: Any) -> str:
    """Return the route of a CherryPy *request* whose dispatcher found *handler*.

    It is the mount point and the template that a dispatcher left in ``request.route``, else the
    mount point and the handler's qualified name, else "": never the path, which clients choose.
    """
    template = getattr(request, "route", None)
    if template is not None:
        return f"{request.script_name}{template}"
    name = _qualified_name(getattr(handler, "callable", handler))
    return f"{request.script_name}:{name}" if name and request.script_name else name


def _qualified_name(call: Any) -> str:
    if call is None or isinstance(call, Exception):
        return UNMATCHED
    owner = getattr(call, "__self__", None)
    name = getattr(call, "__qualname__", type(call).__qualname__)
    if owner is not None and not isinstance(owner, type):
        name = f"{type(owner).__qualname__}.{call.__name__}"
    return str(name.rpartition("<locals>.")[2])


def status_of(response: Any) -> int | None:
    """Return the status that a CherryPy *response* was sent with; None if it goes on elsewhere.

    A response without a status was cut off by an exception, for which CherryPy's WSGI pipeline
    answers 500, except an InternalRedirect: that makes another request of it.
    """
    sent = getattr(response, "output_status", None)
    if sent:
        return int(sent[:3])
    return None if type(sys.exc_info()[1]).__name__ == "InternalRedirect" else 500
