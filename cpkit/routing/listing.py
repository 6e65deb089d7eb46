"""A dispatcher's routes as rows, what is wrong with them, and which answers a path, and why."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from difflib import get_close_matches
from functools import lru_cache
from types import FunctionType, MethodType
from typing import Any

from routes.mapper import Mapper

from .conditions import MISPLACEABLE, STANDARD_METHODS, misplaced
from .declarations import ROUTES
from .endpoint import Endpoint, Target, bound, is_exposed, written
from .generation import CONTROL
from .mapper import IndexedMapper
from .route import Route, keywords, named_routes
from .table import RouteTable

Row = dict[str, Any]
# Control characters, and what stands for bytes that could not be decoded.
NO_TEXT = re.compile(CONTROL.pattern + r"|[\ud800-\udfff]")
# What other frameworks write after a variable's colon for a type.
TYPES = {"any", "bool", "date", "decimal", "float", "int", "integer", "number", "path", "slug"}
TYPES |= {"str", "string", "uuid"}
# What a template's text may hold that no path does as it stands, and what is to be said of it.
MISREAD = re.compile(r"(?P<query>[?#])|(?P<code>%(?!2F)[\dA-Fa-f]{2})|(?P<plain><(?:\w+:)?\w+>)")
MARKS = frozenset("?#%<")
SAID = {
    "query": "is no part of a path. Leave it out: a query's parameters are passed anyway",
    "code": "is decoded before paths are compared. Write the character",
    "plain": "is plain text. Write a variable as {name}",
}
POSITIONAL = inspect.Parameter.POSITIONAL_ONLY
REST = inspect.Parameter.VAR_KEYWORD
ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
# What CherryPy and cpkit note on a function, and does not change how it is called.
PLAIN_ATTRIBUTES = {"exposed", "_cp_config", ROUTES}


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
    answering = endpoint and endpoint.methods
    if methods and answering:
        methods = [method for method in methods if method in answering]
    return {
        "methods": list(methods) if methods else answering and sorted(written(answering)),
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


def faults(table: RouteTable) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with *table*."""
    yield from of_mapper(table)
    for route, problem in problems(table):
        yield f"Route {table.target(route).path!r} {problem}"


def of_mapper(table: Any) -> Iterator[str]:
    """Yield what is wrong with the mapper of *table*, a dispatcher, cpkit's or another."""
    mapper = type(table.mapper)
    if not isinstance(table, RouteTable):
        return
    if not isinstance(table.mapper, IndexedMapper):
        yield (
            f"The mapper is a {mapper.__module__}.{mapper.__qualname__}, whose look-ups grow with "
            "its routes. Derive it from cpkit.dispatchers.IndexedMapper."
        )
    elif mapper.match is not IndexedMapper.match and mapper.routematch is IndexedMapper.routematch:
        yield f"{mapper.__name__}.match is never called. Override routematch."


def problems(table: RouteTable) -> Iterator[tuple[Route, str]]:
    """Yield (route, what is wrong with it), for each route that doesn't do what it was meant to."""
    shadowed = getattr(table.mapper, "shadowed", tuple)
    for route, earlier in shadowed():
        if earlier is not None:  # else a slash is missing, see below
            yield (
                route,
                f"can never match: {earlier.routepath!r}, declared before, takes all its URLs. "
                "Declare it first, or remove it.",
            )
    for target in table.targets():
        route = target.route
        for problem in (*_of_route(table.mapper, target), *_of_handler(table, target)):
            yield route, problem


def _of_route(mapper: Mapper, target: Target) -> Iterator[str]:
    route = target.route
    if not (route.routepath or route.minimization):
        yield "answers only a mount point without its slash. Write '/'."
    elif not mapper.prefix and _lacks_slash(route):
        yield f"can never match: it has no leading slash. Write {'/' + route.routepath!r}."
    namesake = named_routes(mapper).get(route.name)
    if namesake is not None and namesake.routepath != route.routepath:
        yield (
            f"shares its name, {route.name!r}, with {namesake.routepath!r}, declared after it, of "
            "which url_for makes its URLs. Give each its own."
        )
    doubt = getattr(mapper, "doubts", {}).get(route)
    if doubt:
        yield f"may not be meant: {doubt}. Put one slash between them."
    misread = None if MARKS.isdisjoint(target.template) else MISREAD.search(target.template)
    if misread:
        yield f"may never match: {misread[0]!r} {SAID[misread.lastgroup or '']}."
    for name, regex in route.reqs.items():
        if regex in TYPES or regex[:1] == "^" or name not in target.variables:
            yield from _of_requirement(target, name, regex)
    conditions = route.conditions or {}
    if conditions.get("sub_domain") and not mapper.sub_domains:
        yield "can never match: it asks for a sub-domain. Set mapper.sub_domains to True."
    yield from _of_constants(route)
    yield from _of_methods(conditions.get("method"))


def _of_constants(route: Route) -> Iterator[str]:
    given = keywords(route)
    for name in filter(MISPLACEABLE.__contains__, given):
        value = given[name]
        condition = misplaced(name, value)
        if condition:
            yield (
                f"has the constant {name}={value!r}, which is no condition. "
                f"Write conditions={{{condition!r}: ...}}."
            )


def _of_requirement(target: Target, name: str, regex: str) -> Iterator[str]:
    if regex in TYPES:
        yield (
            f"matches nothing but {regex!r} for {name!r}: what follows the colon is a regex. "
            rf"Write one, as {{{name}:\d+}}; cpkit.tools.params converts."
        )
    if regex.startswith("^"):
        yield f"can never match: ^ in {regex!r} is the path's beginning. Leave it out."
    if name not in target.variables:
        free = target.variables - target.route.reqs.keys()
        for meant in get_close_matches(name, free, 1, 0.75):
            yield f"requires {regex!r} of {name!r}, which is no variable. Is {meant} meant?"


def _lacks_slash(route: Route) -> bool:
    """Tell whether no path with a leading slash can match."""
    if route.minimization:
        return False
    first = next(iter(route.routelist), "")
    if isinstance(first, str):
        return not first.startswith("/")
    return first["type"] != "*" and first["name"] not in route.reqs


def _of_methods(methods: list[str] | None) -> Iterator[str]:
    if methods == []:
        yield "can never match: its condition names no method. Leave the condition out for any."
    for method in methods or ():
        if method not in STANDARD_METHODS:
            close = get_close_matches(method.upper(), STANDARD_METHODS, n=1)
            meant = f" Is {close[0]} meant?" if close else ""
            yield f"waits for {method!r}, which is no method of HTTP's registry.{meant}"


def _of_handler(table: RouteTable, target: Target) -> Iterator[str]:
    controller = table.controller_of(target)
    if target.route.redirect or isinstance(controller, str):
        return  # the latter is to be imported at its first request
    if isinstance(controller, type) and (problem := _unmakeable(controller)):
        yield f"answers 500: {problem}."
    if controller is None:
        if "controller" not in target.variables:
            yield f"answers 404: no controller is called {target.name!r}."
    elif "action" in target.variables:
        # PERF: from the end, as the names with underscores come first.
        if not any(is_exposed(controller, name) for name in reversed(dir(controller))):
            yield (
                f"answers 404: no method of {controller!r} is exposed. "
                "Decorate those that a URL may call with @cherrypy.expose."
            )
    else:
        yield from _of_endpoint(table, target, controller)


def _of_endpoint(table: RouteTable, target: Target, controller: Any) -> Iterator[str]:
    endpoint = table.built(target, controller, target.action)
    resource = bool(target.route.member_name)  # which may leave some of its actions out
    if endpoint is None:
        if target.action and not resource:
            yield f"answers 404: {controller!r} has no method {target.action!r}."
        return
    lacking = set((target.route.conditions or {}).get("method") or ()) - {"HEAD", "OPTIONS"}
    for method in sorted(lacking - endpoint.methods.keys() if endpoint.methods else ()):
        name = getattr(controller, "__qualname__", type(controller).__qualname__)
        yield f"waits for {method!r}, and {name} has no such method."
    given = (target.variables | target.route.defaults.keys()) - {"controller", "action"}
    if getattr(table, "full_result", False):
        given |= {"controller", "action"} & target.route.maxkeys
    if table.mapper.sub_domains:
        given |= {"sub_domain"}
    if resource:
        given -= {"format"}  # of which it has routes with and without
    pages = endpoint.methods or {"": endpoint}
    told = set()
    for page in pages.values():
        for problem in _of_page(page, given):
            if problem not in told:
                told.add(problem)
                yield problem


@lru_cache(maxsize=256)
def _unmakeable(controller: type) -> str | None:
    """Return why *controller* can't be called without arguments, or None."""
    try:
        inspect.signature(controller).bind()
    except TypeError as error:
        return f"{controller.__qualname__}() is called without arguments: {error}"
    except ValueError:  # written in C
        pass
    return None


def _of_page(page: Endpoint, given: set[str]) -> Iterator[str]:
    handler = bound(page.controller, page.attribute)
    if handler is None or inspect.isbuiltin(handler) or _takes_plainly(handler, given):
        return
    try:
        parameters = list(inspect.signature(handler, follow_wrapped=False).parameters.values())
    except (TypeError, ValueError):  # of what is written in C
        return
    name = getattr(handler, "__qualname__", None) or type(handler).__qualname__
    if inspect.iscoroutinefunction(handler) or inspect.isasyncgenfunction(handler):
        yield f"has an async handler, {name}, which nothing awaits. Write def."
    required = [p.name for p in parameters if p.kind is POSITIONAL and p.default is p.empty]
    if required:
        yield (
            f"answers 404: {name} takes {', '.join(required)} by position only, and parameters "
            "come by name. Leave the / out."
        )
    if any(parameter.kind is REST for parameter in parameters):
        return
    taken = {p.name for p in parameters if p.kind not in (POSITIONAL, p.VAR_POSITIONAL)}
    for lost in sorted(given - taken):
        close = get_close_matches(lost, taken - given, n=1)
        meant = f" Is {close[0]} meant?" if close else ""
        yield f"answers 404: {name} has no parameter {lost!r}, unless a tool takes it out.{meant}"


def _takes_plainly(handler: Any, given: set[str]) -> bool:
    """Tell at a glance that a plain function takes *given* by name; False where a look is needed.

    PERF: inspect.signature() takes longer than all else that is asked of a route.
    """
    self_ = isinstance(handler, MethodType)
    function = handler.__func__ if self_ else handler
    if not isinstance(function, FunctionType) or not vars(function).keys() <= PLAIN_ATTRIBUTES:
        return False
    code = function.__code__
    if code.co_posonlyargcount or code.co_flags & ASYNC or self_ > code.co_argcount:
        return False
    named = code.co_varnames[self_ : code.co_argcount + code.co_kwonlyargcount]
    return bool(code.co_flags & inspect.CO_VARKEYWORDS) or given.issubset(named)
