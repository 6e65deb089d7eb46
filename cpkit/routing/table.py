"""The routes, their controllers, and what a path and a method lead to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from traceback import walk_tb
from typing import Any, NamedTuple, TypeVar

from cpkit.errors import RouteError

from .conditions import Environ, refuse_misplaced
from .declarations import Submapping, calls
from .endpoint import REMEDY, Config, Endpoint, Target, bound, endpoint, loaded, written
from .mapper import IndexedMapper
from .route import Route

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
Table = TypeVar("Table", bound="RouteTable")


@dataclass(slots=True)  # PERF: a NamedTuple would take twice as long to make
class Found:
    """What a path and a method lead to; without *page* nothing may be served."""

    variables: dict[str, Any]
    target: Target
    page: Endpoint | None


class RouteTable(Submapping):
    """Templates, the controllers that they are connected to, and the way from one to the other."""

    controllers: dict[Any, Any]
    mapper: IndexedMapper  # a subclass may put another Mapper in its place
    _conditional: set[str | None]
    _targets: dict[Route, Target]
    _methods: set[str]
    _seen: int
    _lock: Any

    def __new__(cls: type[Table], *args: Any, **options: Any) -> Table:
        """Return a table; a subclass need not call ``__init__``, as with CherryPy's dispatcher."""
        table: Table = super().__new__(cls)
        table.controllers, table._targets = {}, {}
        table._conditional, table._methods, table._seen = set(), set(METHODS), 0
        table._lock = threading.RLock()
        return table

    def __init__(self, **mapper_options: Any) -> None:
        self.mapper = IndexedMapper(**mapper_options)
        self.mapper.controller_scan = self._nameable

    def connect(
        self,
        name: str | None,
        route: str | None = None,
        controller: Any = None,
        config: Config | None = None,
        **kwargs: Any,
    ) -> None:
        """Let *controller* answer the URLs of the template *route*.

        *controller* is an object, a class (a new instance for each request), a function or
        ``"package.module:Class"``, imported at once. *config* holds config of this route alone.
        Other keywords are Routes' own: ``action``, ``conditions``, ``requirements``, defaults.
        Raises RouteError for a route or a controller that could never work.
        """
        if route is None:  # NOTE: a submapper without a path_prefix passes the path alone.
            name, route = None, name or ""
        if kwargs.get("_static"):
            self.mapper.connect(name, route, **kwargs)
            return
        refuse_misplaced(route, kwargs)
        with self._lock:
            if config or kwargs.get("conditions"):
                self._conditional.add(name)
            controller = self._registered(name, controller, route)
            before = len(self.mapper.matchlist)
            self.mapper.connect(name, route, controller=name, **kwargs)
            self._bind(before, controller, config)

    def resource(
        self,
        member_name: str,
        collection_name: str,
        controller: Any,
        config: Config | None = None,
        **kwargs: Any,
    ) -> None:
        """Connect the routes of ``routes.Mapper.resource()`` to *controller*.

        Raises RouteError for a controller that could never work.
        """
        with self._lock:
            self._conditional.add(collection_name)
            controller = self._registered(collection_name, controller, collection_name)
            before = len(self.mapper.matchlist)
            self.mapper.resource(member_name, collection_name, controller=collection_name, **kwargs)
            self._bind(before, controller, config)

    def include(self, *handlers: Any, prefix: str = "", name_prefix: str = "") -> None:
        """Connect what ``@route`` says of *handlers*: functions, objects, classes.

        It calls ``connect`` for each ``@route``, in the order in which they are written; those
        of a base class come first. *prefix* and *name_prefix* go before the paths and names.
        Raises RouteError for a handler without a route.
        """
        for handler in handlers:
            for call in calls(handler, prefix, name_prefix):
                self.connect(call.name, call.template, call.controller, **call.options)

    def find(self, path: str, environ: Environ) -> Found | None:
        """Return what *path* leads to; HEAD leads where GET does unless a route names it."""
        method: str = environ["REQUEST_METHOD"]
        found = self._match(path, environ, method)
        if method != "HEAD" or (found and found.target.heads and found.page):
            return found
        return self._match(path, {**environ, "REQUEST_METHOD": "GET"}, method) or found

    def answers(self, path: str, environ: Environ) -> dict[str, Found]:
        """Return what *path* leads to by each method that it answers.

        Each method that a route or a controller names is tried, so that one which an earlier
        route would take and refuse isn't promised.
        """
        methods = getattr(self.mapper, "methods", None)
        declared = methods(path, environ) if methods else None
        if declared == frozenset():
            return {}
        answered = {}
        for method in sorted(self.named_methods() if declared is None else declared):
            found = self.find(path, {**environ, "REQUEST_METHOD": method})
            if found and found.page:
                answered[method] = found
        if declared and "GET" in declared and "HEAD" not in declared:
            # PERF: no route names HEAD; it leads where GET does.
            found = answered.get("GET") or self.find(path, {**environ, "REQUEST_METHOD": "HEAD"})
            if found and found.page:
                answered["HEAD"] = found
        return answered

    def named_methods(self) -> set[str]:
        """Return every method that has a name here: by a standard, a route or a controller."""
        routes = self.mapper.matchlist
        for route in routes[self._seen :]:  # PERF: each route is looked at once.
            self._methods.update((route.conditions or {}).get("method") or ())
        self._seen = len(routes)
        return set(self._methods)

    def failed(self, path: str, error: Exception) -> Target | None:
        """Return the route whose condition function raised *error* when *path* was looked up."""
        ran = {frame.f_code for frame, _ in walk_tb(error.__traceback__)}
        fitting = getattr(self.mapper, "fitting", lambda path: ())
        asked = [
            (route, route.conditions["function"])
            for route in fitting(path)
            if (route.conditions or {}).get("function")
        ]
        blamed = [route for route, function in asked if getattr(function, "__code__", 0) in ran]
        route = next(iter(blamed or [route for route, _ in asked]), None)
        return route and self.target(route)

    def _match(self, path: str, environ: Environ, method: str) -> Found | None:
        match = self.mapper.routematch(path, environ)
        if match is None or match[1] is None:  # the latter when the mapper is to debug
            return None
        variables, route = match[0], match[1]
        target = self._targets.get(route) or self.target(route)
        page = target.fixed or self._endpoint(target, variables)
        if page is not None and page.methods is not None:
            page = page.methods.get(method)
        return Found(variables, target, page)

    def _endpoint(self, target: Target, variables: dict[str, Any]) -> Endpoint | None:
        """Return the endpoint, built at its first request and then looked up.

        The look-up is bounded: it keeps only what may be served, never what a URL asked for.
        """
        if target.route.redirect:
            return Endpoint(None, None, target.config)
        name, action = variables.get("controller"), variables.get("action")
        controller = self._controller(target, name)
        known = target.endpoints.get((name, action))
        if known is None or known.controller is not controller:
            known = self.built(target, controller, action)
            if known is not None:
                target.endpoints[name, action] = known
        return known

    def built(self, target: Target, controller: Any, action: object) -> Endpoint | None:
        """Return the endpoint of *action*, trusted when the code wrote it, not the URL."""
        if controller is None:
            return None
        trusted = action == target.action
        built = endpoint(controller, action, trusted=trusted, config=target.config)
        if built and built.methods:
            self._methods.update(built.methods)
        return built

    def _controller(self, target: Target, name: Any) -> Any:
        if name == target.name and target.controller is not None:
            return target.controller
        if name != target.name and name in self._conditional:
            return None  # named by the URL, past the conditions of its route
        controller = self.controllers.get(name)
        if isinstance(controller, str):
            controller = self.controllers[name] = loaded(controller, target.template)
        return controller

    def controller_of(self, target: Target) -> Any:
        """Return the controller that *target* was written with; None if there is none."""
        known = target.controller
        return self.controllers.get(target.name) if known is None else known

    def _nameable(self, directory: str | None = None) -> list[str]:
        """Return what ``{controller}`` may name."""
        names = (name for name in list(self.controllers) if isinstance(name, str))
        return [name for name in names if name not in self._conditional]

    def _registered(self, name: str | None, controller: Any, template: str) -> Any:
        if isinstance(controller, str) and controller in self.controllers:
            controller = self.controllers[controller]
        controller = loaded(controller, template)
        if controller is None:
            raise RouteError(template, "it has no controller", REMEDY)
        if name is not None:
            self.controllers[name] = controller
        return controller

    def _bind(self, before: int, controller: Any, config: Config | None) -> None:
        for route in self.mapper.matchlist[before:]:
            self._targets[route] = target = Target(route, controller, config)
            if (route.conditions or {}).get("function"):
                continue  # it may put another action in
            if not {"controller", "action"} & target.variables:
                target.fixed = self.built(target, controller, target.action)
            if target.fixed is None and "action" not in route.maxkeys:
                raise RouteError(
                    target.template,
                    f"{controller!r} can't be called and is not exposed with methods as GET",
                    "Give an action, or decorate its class with @cherrypy.expose.",
                )

    def target(self, route: Route) -> Target:
        """Return what is known of *route*; one that is being connected is waited for."""
        with self._lock:
            known = self._targets.get(route)
            if known is None:
                known = self._targets[route] = Target(route)
            return known

    def pages(self) -> list[Any]:
        """Return the controllers of every route, named or not, and those that a URL may name."""
        connected = [target.controller for target in self.targets()]
        return [each for each in (*connected, *self.controllers.values()) if each is not None]

    def route_configs(self) -> Iterator[tuple[str, Config, Config]]:
        """Yield (route, its own config, that config with its controller's and its handler's)."""
        for target in self.targets():
            if target.config:
                page = target.fixed or self.built(target, target.controller, target.action)
                name = f"connect() of {target.path!r}"
                yield name, target.config, page.config if page else target.config

    def targets(self) -> Iterator[Target]:
        """Yield what is known of each route, in declared order."""
        for route in list(self.mapper.matchlist):
            yield self.target(route)


class Operation(NamedTuple):
    """A method of a route, what answers it, and the config of the code."""

    target: Target
    method: str | None  # None: all methods
    handler: Callable[..., Any]
    config: Config


def operations(table: RouteTable) -> Iterator[Operation]:
    """Yield the operations of the routes of *table* in declared order.

    Left out are redirections, and routes whose controller or action the URL names.
    """
    for route in table.mapper.matchlist:
        target = table.target(route)
        controller = table.controller_of(target)
        if route.redirect or controller is None or isinstance(controller, str):
            continue
        endpoint = table.built(target, controller, target.action)
        if endpoint is not None:
            yield from _of(target, endpoint)


def _of(target: Target, endpoint: Endpoint) -> Iterator[Operation]:
    named: list[str] | None = (target.route.conditions or {}).get("method")
    pages, methods = endpoint.methods or {}, list[str | None]([None])
    if named is not None:
        methods = [*named]
    elif pages:
        methods = [*written(pages)]
    for method in methods:
        page = pages.get(method or "") if pages else endpoint
        handler = page and bound(page.controller, page.attribute)
        if page and handler:
            yield Operation(target, method, handler, page.config)
