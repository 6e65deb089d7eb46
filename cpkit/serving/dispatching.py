"""What a request would be dispatched to, were it of another method."""

from __future__ import annotations

from typing import Any

import cherrypy

from cpkit.cherry import Handler, Request

# Of a preflight (Fetch, 4.8), which has OPTIONS as its method.
_MARKS = frozenset({"Origin", "Access-Control-Request-Method"})

Found = tuple[Handler | None, dict[str, Any]]


def is_preflight(request: Request) -> bool:
    """Tell whether a browser asks by *request* whether a page may send another one."""
    return request.method == "OPTIONS" and request.headers.keys() >= _MARKS


def dispatched_as(request: Request, method: str) -> Found:
    """Return the handler and the config of a request that is the same but for its *method*.

    Where the dispatcher raises, nothing is found. It is asked once for each method of a request.
    """
    known: dict[str, Found] = vars(request).setdefault("dispatched_as", {})
    if method not in known:
        known[method] = _dispatched(request, method)
    return known[method]


def _dispatched(request: Request, method: str) -> Found:
    before, told = dict(vars(request)), cherrypy.serving.response.headers
    allow = told.get("Allow")
    try:
        # NOTE: a dispatcher may add to these, and set the field.
        request.hooks, request.params = request.hooks.copy(), dict(request.params)
        request.method = method
        request.dispatch(request.path_info)
        return request.handler, request.config
    except Exception:  # an answer of the dispatcher's own, or a fault: for the request to meet
        return cherrypy.NotFound(), {}
    finally:
        vars(request).clear()
        vars(request).update(before)
        told.pop("Allow", None)
        if allow is not None:
            told["Allow"] = allow
