"""What a request is counted under: labels that are few, whatever clients send."""

from __future__ import annotations

import sys
from collections.abc import Hashable
from functools import lru_cache
from types import FunctionType
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
    known = request.__dict__
    if "route" in known:  # None: no route was found, though the dispatcher may answer an OPTIONS
        template = known["route"]
        return UNMATCHED if template is None else f"{request.script_name}{template}"
    call = getattr(handler, "callable", handler)
    if call is None or isinstance(call, Exception):
        return UNMATCHED
    function: Any = call if isinstance(call, FunctionType) else type(call)
    owner: Any = type(getattr(call, "__self__", None))
    return _qualified(request.script_name, getattr(call, "__func__", function), owner)


@lru_cache(maxsize=64)
def _number(status: bytes) -> int:
    return int(status[:3])


@lru_cache(maxsize=512)
def _qualified(script_name: str, function: Hashable, owner: Hashable) -> str:
    name = str(getattr(function, "__qualname__", function))
    if isinstance(owner, type) and owner is not type(None):  # a method, perhaps of a parent
        name = f"{owner.__qualname__}.{name.rpartition('.')[2]}"
    name = name.rpartition("<locals>.")[2]
    return f"{script_name}:{name}" if script_name else name


def status_of(response: Any) -> int | None:
    """Return the status that a CherryPy *response* was sent with; None if it goes on elsewhere.

    A response without a status was cut off by an exception, for which CherryPy's WSGI pipeline
    answers 500, except an InternalRedirect: that makes another request of it.
    """
    sent = response.__dict__.get("output_status")
    if sent:
        return _number(sent)
    return None if type(sys.exc_info()[1]).__name__ == "InternalRedirect" else 500
