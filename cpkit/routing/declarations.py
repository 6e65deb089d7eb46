"""A Routes mapper that checks what is declared, and keeps what it was given."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any

from routes.mapper import Mapper

from .generation import GenerationTable
from .route import Route, keywords, named_routes
from .shape import pattern_warnings

ENCODING = "utf-8", "ignore"
# A copied route keeps what differs from a Route's own defaults; the rest is the mapper's choice.
OPTIONS = {"_static": False, "_filter": None, "_absolute": False, "_encoding": "utf-8"}
OPTIONS |= {"_minimize": False, "_explicit": False, "_member_name": None}
OPTIONS |= {"_collection_name": None, "_parent_resource": None}


class DeclaringMapper(Mapper):
    """The half of IndexedMapper that declares routes; looking them up is the other."""

    _changing: Any  # a lock: one declaration or index at a time

    def make_route(self, *args: Any, **kargs: Any) -> Any:
        """Make the Route of one connect(); a subclass can override this to use its own class."""
        return Route(*args, **kargs)

    def connect(self, *args: Any, **kargs: Any) -> None:
        """Declare a route: ``connect(path, ...)`` or ``connect(name, path, ...)``.

        Raises RouteError at once for a route that could never work; warns of a requirement whose
        time may grow exponentially.
        """
        name, path = args if len(args) > 1 else (None, *args)
        if path is None:  # a submapper without a path_prefix says connect(path, None)
            name, path = None, name
        kargs = {"_explicit": self.explicit, "_minimize": self.minimization, **kargs}
        route = self.make_route(name, path, **kargs)
        if "_encoding" not in kargs and (self.encoding, self.decode_errors) != ENCODING:
            route.encoding, route.decode_errors = self.encoding, self.decode_errors
        for warning in pattern_warnings(route):
            warnings.warn(warning, stacklevel=2)
        with self._changing:
            self._add(name, route)

    def _add(self, name: str | None, route: Any) -> None:
        if name:
            named_routes(self)[name] = route
            route.name = name
        if not route.static:
            self.matchlist.append(route)
            self.maxkeys.setdefault(route.maxkeys, []).append(route)
            self._created_gens = False
            self._forget()

    def extend(self, routes: Iterable[Any], path_prefix: str = "") -> None:
        """Connect copies of *routes*, with all their options, below *path_prefix*."""
        for route in routes:
            between = "/" if path_prefix and route.minimization else ""
            path = path_prefix + between + route.routepath
            options = {**_options(route), **keywords(route), "conditions": route.conditions}
            self.connect(route.name, path, **options)

    def resource(self, member_name: str, collection_name: str, **kwargs: Any) -> None:
        """Connect the routes of a resource; its requirements hold on the members' routes too."""
        kwargs["member"] = dict(kwargs.get("member") or {})
        kwargs["new"] = dict(kwargs.get("new") or {})
        connecting = Requiring(self, kwargs.get("requirements") or {})
        Mapper.resource(connecting, member_name, collection_name, **kwargs)

    def _create_gens(self) -> None:
        self._gendict = GenerationTable(self.matchlist)
        self._created_gens = True

    def _forget(self) -> None:
        """Drop what was worked out from the routes so far."""
        raise NotImplementedError


def _options(route: Any) -> dict[str, Any]:
    names = {"_minimize": "minimization"}
    found = {name: getattr(route, names.get(name, name[1:])) for name in OPTIONS}
    return {name: value for name, value in found.items() if value != OPTIONS[name]}


class Requiring:
    """Connect the routes of a resource with *requirements* added to their own."""

    def __init__(self, mapper: Any, requirements: dict[str, str]) -> None:
        self.mapper, self.requirements = mapper, requirements

    def connect(self, *args: Any, **kargs: Any) -> None:
        own = kargs.get("requirements") or {}
        self.mapper.connect(*args, **{**kargs, "requirements": {**own, **self.requirements}})
