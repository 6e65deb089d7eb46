"""The routes, their controllers, and what a path and a method lead to."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

from routes.mapper import SubMapperParent

from cpkit.errors import RouteError

from . import IndexedMapper
from .endpoint import REMEDY, Endpoint, endpoint, loaded
from .sections import Config
from .target import Target

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
Environ = dict[str, Any]


@dataclass(slots=True)  # PERF: a NamedTuple would take twice as long to make
class Found:
    """Hold what a path and a method lead to; without *endpoint* nothing may be served."""

    variables: dict[str, Any]
    target: Target
    endpoint: Endpoint | None

    def page(self, method: str) -> Endpoint | None:
        """Return the endpoint that answers *method*."""
        if self.endpoint is None or self.endpoint.methods is None:
            return self.endpoint
        return self.endpoint.methods.get(method)


class RouteTable(SubMapperParent):
    """Connect templates to controllers, and find the one for a path."""

    def __init__(self, **mapper_options: Any) -> None:
        self.controllers: dict[Any, Any] = {}
        self.mapper = IndexedMapper(**mapper_options)
        self.mapper.controller_scan = self._nameable
        self._conditional: set[Any] = set()
        self._targets: dict[Any, Target] = {}
        self._methods, self._seen = set(METHODS), 0
        self._lock = threading.RLock()

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
            name, route = None, name
        if kwargs.get("_static"):
            self.mapper.connect(name, route, **kwargs)
            return
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

    def find(self, path: str, environ: Environ) -> Found | None:
        """Return what *path* leads to; HEAD leads where GET does unless a route names it."""
        found = self._match(path, environ)
        if environ["REQUEST_METHOD"] != "HEAD" or (
            found and found.target.heads and found.page("HEAD")
        ):
            return found
        return self._match(path, {**environ, "REQUEST_METHOD": "GET"}) or found

    def allowed(self, path: str, environ: Environ, found: Found | None) -> frozenset[str]:
        """Return the methods that *path* answers: an exact ``Allow``; empty: it leads nowhere.

        Each method that a route or a controller names is tried, so that one which an earlier
        route would take and refuse isn't promised.
        """
        declared = self.mapper.methods(path, environ)
        if declared == frozenset():
            return declared
        candidates = self._named() if declared is None else {*declared, "HEAD"}
        answered = {method for method in candidates if self._answers(path, environ, method)}
        return frozenset({*answered, "OPTIONS"} if answered else ())

    def _answers(self, path: str, environ: Environ, method: str) -> bool:
        found = self.find(path, {**environ, "REQUEST_METHOD": method})
        return bool(found and found.page(method))

    def _named(self) -> set[str]:
        """Return every method that has a name here: by a standard, a route or a controller."""
        routes = self.mapper.matchlist
        for route in routes[self._seen :]:  # PERF: each route is looked at once.
            self._methods.update((route.conditions or {}).get("method", ()))
        self._seen = len(routes)
        return set(self._methods)

    def _match(self, path: str, environ: Environ) -> Found | None:
        match = self.mapper.routematch(path, environ)
        if match is None or match[1] is None:  # the latter when the mapper is to debug
            return None
        variables, route = match[0], match[1]
        target = self._targets.get(route) or self.target(route)
        return Found(variables, target, target.fixed or self._endpoint(target, variables))

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

    def built(self, target: Target, controller: Any, action: Any) -> Endpoint | None:
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

    def _nameable(self, directory: object = None) -> list[str]:
        """Return what ``{controller}`` may name."""
        names = (name for name in list(self.controllers) if isinstance(name, str))
        return [name for name in names if name not in self._conditional]

    def _registered(self, name: Any, controller: Any, template: object) -> Any:
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

    def target(self, route: Any) -> Target:
        """Return what is known of *route*; one that is being connected is waited for."""
        with self._lock:
            return self._targets.setdefault(route, Target(route))
