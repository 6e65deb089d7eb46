"""A dispatcher's routes as rows, and which of them answers a path, and why."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

from .endpoint import Endpoint, Target
from .faults import problems
from .generation import CONTROL
from .mapper import IndexedMapper
from .route import Route, named_routes
from .table import RouteTable

Row = dict[str, Any]
# Control characters, and what stands for bytes that could not be decoded.
NO_TEXT = re.compile(CONTROL.pattern + r"|[\ud800-\udfff]")


def rows(table: Any) -> list[Row]:
    """Return a row (methods, template, name, handler) for each route in declared order.

    *table* is a dispatcher, cpkit's or CherryPy's; methods None means any. A row has "problems"
    where something is wrong with its route.
    """
    found: dict[int, list[str]] = {}
    for route, problem in problems(table) if isinstance(table, RouteTable) else ():
        found.setdefault(id(route), []).append(problem)
    listed = []
    for route in table.mapper.matchlist:
        wrong = found.get(id(route))
        listed.append({**row(table, route), **({"problems": wrong} if wrong else {})})
    return listed


def differences(table: Any) -> list[Row]:
    """Return examples of requests that Routes 2.5's own order answers by another route.

    Each is (method, path, declared, routes): the rows of the first declared route that fits, and
    of the one that Routes 2.5 finds; None is a 404. *table* may be CherryPy's dispatcher.
    """
    mapper, original = table.mapper, {}
    if not isinstance(mapper, IndexedMapper):
        mapper = IndexedMapper(list(table.controllers), register=False)
        mapper.sub_domains = table.mapper.sub_domains
        mapper.extend(table.mapper.matchlist)
        original = dict(zip(mapper.matchlist, table.mapper.matchlist, strict=True))

    def found(route: Route | None) -> Row | None:
        return None if route is None else row(table, original.get(route, route))

    return [
        {
            "method": each.method,
            "path": each.path,
            "declared": found(each.declared),
            "routes": found(each.upstream),
        }
        for each in mapper.differences()
    ]


def row(table: Any, route: Route) -> Row:
    """Return the row of one route."""
    target = table.target(route) if isinstance(table, RouteTable) else Target(route)
    controller, endpoint = target.controller, None
    if controller is None:
        controller = table.controllers.get(target.name)
    if isinstance(table, RouteTable):
        endpoint = table.built(target, controller, target.action)
    methods = (route.conditions or {}).get("method")
    by_method = sorted(endpoint.methods) if endpoint and endpoint.methods else None
    if methods and by_method:
        methods = [method for method in methods if method in by_method]
    return {
        "methods": list(methods) if methods else by_method,
        "template": target.path,
        "name": route.name,
        "handler": handler(target, controller, endpoint, table.mapper),
    }


def handler(target: Target, controller: Any, endpoint: Endpoint | None, mapper: Any) -> str:
    """Say what code answers, as ``package.module:Class.method``."""
    if target.route.redirect:
        leads = named_routes(mapper)[f"_redirect_{id(target.route)}"]
        return f"redirect {target.route.redirect_status.split()[0]} to {leads.routepath}"
    if controller is None:
        in_url = "controller" in target.variables
        owner = "{controller}" if in_url else f"unknown controller {target.name!r}"
    else:
        named = isinstance(controller, type) or inspect.isroutine(controller)
        code = controller if named else type(controller)
        owner = f"{code.__module__}:{code.__qualname__}"
    if endpoint and endpoint.methods:
        return f"{owner} by method"
    if "action" not in target.route.maxkeys:
        return owner
    return f"{owner}.{target.action or '{action}'}"


def explain(table: RouteTable, path: str, method: str, host: str = "localhost") -> Row:
    """Return what answers *method* on *path*, and what each route whose path fits has to say."""
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_HOST": host}
    malformed = NO_TEXT.search(path)
    found = None if malformed else table.find(path, environ)
    page = found and found.page
    allowed = set() if page or malformed else {*table.answers(path, environ)}
    if malformed:
        considered = [{"template": ascii(malformed[0]), "verdict": "no path may hold that"}]
    else:
        considered = list(verdicts(table, path, environ, found.target.route if found else None))
    return {
        "path": path,
        "method": method,
        "status": 200 if page else (204 if method == "OPTIONS" else 405) if allowed else 404,
        "allow": sorted({*allowed, "OPTIONS"} if allowed else ()),
        "route": row(table, found.target.route) if found and found.page else None,
        "variables": found.variables if found and found.page else {},
        "considered": considered,
    }


def verdicts(table: RouteTable, path: str, environ: Row, winner: Route | None) -> Iterator[Row]:
    """Yield (template, verdict) for each route whose path fits, in declared order."""
    verdict = "its conditions refuse the request"
    for route in table.mapper.matchlist:
        if not route.regmatch.match(path):
            continue
        methods = (route.conditions or {}).get("method")
        if route is winner:
            yield {"template": route.routepath, "verdict": "wins: the first that fits"}
            verdict = "comes later"
        elif methods and environ["REQUEST_METHOD"] not in methods:
            yield {"template": route.routepath, "verdict": f"only {', '.join(methods)}"}
        else:
            yield {"template": route.routepath, "verdict": verdict}
