"""See to the Vary field of the answer, whatever it will be."""

from __future__ import annotations

from typing import Any

import cherrypy

from cpkit.cherry import Hook

from . import vary

# An error that nobody expected runs the hooks of the second point alone.
AFTER_HANDLER = ("before_finalize", "after_error_response")


def vary_on(name: str, request: Any) -> None:
    """Put *name* in the Vary field of the answer to *request*, whatever it will be."""
    hook, hooks = _VARY_HOOKS[name], request.hooks
    for point in AFTER_HANDLER:
        hooks[point].append(hook)


def _add_vary(name: str) -> None:
    headers = cherrypy.serving.response.headers
    existing = dict.get(headers, "Vary")
    dict.__setitem__(headers, "Vary", vary(existing, (name,)) if existing else name)


# PERF: made once. 85: after gzip (80), which adds its own, before caching (90) stores the answer.
_VARY_HOOKS = {
    name: Hook(_add_vary, priority=85, name=name) for name in ("Accept", "Accept-Language")
}
