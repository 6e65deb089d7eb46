"""Connections that a request took from the engine itself, and forgot to give back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cherrypy

from .pool import KEY

_LIST = "_cpkit_borrowed"


def note_borrower(record: Any, fairy: Any) -> None:
    """Remember on the request being served that it took this connection."""
    request = vars(cherrypy.serving).get("request")  # PERF: no proxy, None outside of requests
    if request is not None:
        vars(request).setdefault(_LIST, []).append((record, fairy))


def take_back(log: Callable[[str, int], object]) -> None:
    """Give back what the request that ends has not; units of work end by themselves."""
    request = cherrypy.serving.request
    for record, fairy in vars(request).pop(_LIST, ()):
        kept = record.fairy_ref is not None and record.fairy_ref() is fairy
        if kept and KEY not in record.info:
            fairy.close()
            log(f"{request.request_line.partition('?')[0]} kept a connection: taken back.", 30)
