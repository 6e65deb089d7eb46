"""What a request is counted under: its route, never its path, which clients choose."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from inspect import getclosurevars, signature
from types import FunctionType
from typing import Any

from cpkit.cherry import Handler, Request

from .histogram import UNMATCHED

_STATIC = ("tools.staticdir.dir", "tools.staticfile.filename")
_TOOL_PAGE = "HandlerTool.handler.<locals>.handle_func"
_NONE: dict[str, dict[str, Any]] = {}  # PERF: not made for each request
_DEEPEST = 16  # segments of a section of the config: no path makes the search longer


def route_of(request: Request, handler: Handler | None, status: int = 200) -> str:
    """Return the route of a *request* whose dispatcher found *handler*, and that ended so.

    It is the mount point and the template that a dispatcher left in ``request.route``, else the
    mount point and the handler's qualified name, else "": never the path, which clients choose.
    A file that a static tool served belongs to the section of the config that has the tool.
    """
    known = request.__dict__
    tools = known.get("toolmaps", _NONE).get("tools", _NONE)
    if tools and ("staticdir" in tools or "staticfile" in tools):
        served = _served_by(request, handler, status)
        if served:
            return served
    if "route" in known:  # None: no route was found, though the dispatcher may answer an OPTIONS
        template = known["route"]
        return UNMATCHED if template is None else f"{request.script_name}{template}"
    call = getattr(handler, "callable", handler)
    if call is None or isinstance(call, Exception):
        return UNMATCHED
    function: Callable[..., Any] = call if isinstance(call, FunctionType) else type(call)
    bound = getattr(call, "__self__", None)
    owner = "" if bound is None else type(bound).__qualname__
    return _qualified(request.script_name, getattr(call, "__func__", function), owner)


def _served_by(request: Request, handler: Handler | None, status: int) -> str:
    """Return the section of the config whose static tool answered *request*; "" if none did.

    CherryPy's static tools unset the handler; of a 304, a 412 or a 416 they make an error, with
    which a request never comes to its handler.
    """
    if status in (304, 412, 416):
        early = "handler" not in request.__dict__["timing"].marks
    else:
        early = request.handler is None and handler is not None
    segments = [segment for segment in request.path_info.split("/") if segment][:_DEEPEST]
    sections = request.app.config if early and request.app else {}
    for depth in range(len(segments), -1, -1):
        section = "/" + "/".join(segments[:depth])
        if any(key in sections.get(section, ()) for key in _STATIC):
            return f"{request.script_name}{section}"
    return ""


@lru_cache(maxsize=512)
def _qualified(script_name: str, function: Callable[..., Any], owner: str) -> str:
    name = str(getattr(function, "__qualname__", function))
    if isinstance(function, FunctionType) and name == _TOOL_PAGE:
        return _tool_page(script_name, function)
    if owner:  # of a method, which may be written in a parent
        name = f"{owner}.{name.rpartition('.')[2]}"
    return _named(script_name, name.rpartition("<locals>.")[2])


def _named(script_name: str, name: str) -> str:
    return f"{script_name}:{name}" if script_name else name


def _tool_page(script_name: str, page: FunctionType) -> str:
    """Return the route of a *page* such as ``tools.staticdir.handler(section="/a", dir="a")``."""
    made_of = getclosurevars(page).nonlocals
    tool, args, kwargs = made_of["self"], made_of["args"], made_of["kwargs"]
    try:
        given = signature(tool.callable).bind_partial(*args, **kwargs).arguments
    except (TypeError, ValueError):  # it takes no such arguments, or does not tell
        given = kwargs
    if "section" in given:
        return f"{script_name}/{str(given['section']).strip('/')}"
    return _named(script_name, getattr(tool.callable, "__name__", type(tool.callable).__name__))
