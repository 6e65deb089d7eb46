"""A Routes mapper that checks what is declared, and whose look-ups don't grow with its routes."""

from __future__ import annotations

import gc
import re
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from routes.mapper import LRUCache, Mapper
from routes.util import RoutesException
from routes.util import controller_scan as scan_directory

from .conditions import Domains, Environ
from .declarations import Submapping
from .generation import URLS, GenerationTable
from .index import Index
from .order import Difference, Shadow, differences, shadows
from .route import Route, keywords, named_routes
from .shape import pattern_warnings

TRANSIENT = {"_changing", "_index", "_search_index", "_gendict", "_created_gens", "_created_regs"}
TRANSIENT |= {"_asks", "made", "create_regs_lock", "req_data", "urlcache"}
ENCODING = "utf-8", "ignore"
# A copied route keeps what differs from a Route's own defaults; the rest is the mapper's choice.
OPTIONS = {"_static": False, "_filter": None, "_absolute": False, "_encoding": "utf-8"}
OPTIONS |= {"_minimize": False, "_explicit": False, "_member_name": None}
OPTIONS |= {"_collection_name": None, "_parent_resource": None}


class Setting:
    """An attribute of a mapper that its index depends on: setting it makes the index anew."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, mapper: Any, owner: type | None = None) -> Any:
        return self if mapper is None else mapper.__dict__[self.name]

    def __set__(self, mapper: Any, value: Any) -> None:
        mapper.__dict__[self.name] = value
        mapper._forget()


class IndexedMapper(Submapping, Mapper):
    """A ``routes.Mapper`` in which the first declared route that fully matches wins.

    The routes are indexed at the first look-up after a change, in one immutable snapshot, so that
    routes can be connected while others are looked up. After editing ``matchlist`` by hand, call
    ``create_regs()``.
    """

    # PERF: CPython has a short cut to a slot, and none into so large an object's dict.
    __slots__ = ("_find",)

    matchlist: list[Route]

    always_scan, controller_scan, debug, directory, prefix = (Setting() for _ in range(5))
    domain_match, sub_domains, sub_domains_ignore = (Setting() for _ in range(3))

    def __init__(
        self,
        controller_scan: Any = scan_directory,
        directory: str | None = None,
        always_scan: bool = False,
        register: bool = True,
        explicit: bool = True,
    ) -> None:
        self._begin()
        self.doubts: dict[Route, str] = {}
        super().__init__(controller_scan, directory, always_scan, register, explicit)
        self.create_regs_lock = self._changing

    def _begin(self) -> None:
        self._asks = False  # whether a condition function is to be asked
        self.made: dict[object, str] = {}  # URLs, as path_for() makes them
        self._changing = threading.RLock()
        self._controllers: list[str] | None = None
        self._index: Index | None = None
        self._search_index: Any = None
        self._find: Any = self._search
        self._created_gens = False

    def make_route(self, *args: Any, **kargs: Any) -> Any:
        """Make the Route of one connect(); a subclass can override this to use its own class."""
        self._forget()  # a subclass may call Routes' own connect(), which doesn't
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
            self.made = {}
        if not route.static:
            self.matchlist.append(route)
            self.maxkeys.setdefault(route.maxkeys, []).append(route)
            self._created_gens = False
            if self._index is not None:  # made since make_route() forgot it
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

    def match(self, url: str | None = None, environ: Environ | None = None) -> Any:
        """Return the winning route's variables and defaults for *url*, or None."""
        found = self.routematch(url, environ)
        # PERF: with debug on there is a third, the log; asking len() costs less than the setting.
        return found if found is None or len(found) == 3 else found[0]

    def routematch(self, url: str | None = None, environ: Environ | None = None) -> Any:
        """Return (variables and defaults, route) of the first route that matches, or None."""
        if url is None:
            url = _path(environ)
        find = self._find  # PERF: called as self._find(...), a slot is no short cut.
        return find(url, environ)

    def methods(self, url: str, environ: Environ | None = None) -> frozenset[str] | None:
        """Return the methods for which some route matches *url*: for an exact ``Allow``.

        None means any method (a route without a method condition matches), the empty set that
        no route matches at all. All other conditions hold; condition functions are called.
        """
        path = self._below_prefix(url)
        return frozenset() if path is None else self._indexed().methods(path, environ)

    def leads(self, url: str, route: Route, method: str) -> bool:
        """Tell whether *url* leads to *route*; False where a condition function is to be asked."""
        self._indexed()
        found = None if self._asks else self.routematch(url, {"REQUEST_METHOD": method})
        return found is not None and found[1] is route

    def fitting(self, url: str) -> list[Route]:
        """Return the routes whose path fits *url*, in declared order, whatever else they ask."""
        path = self._below_prefix(url)
        return [] if path is None else self._indexed().fitting(path)

    def shadowed(self) -> list[Shadow]:
        """Return (route, earlier route) for each route that an earlier one keeps from matching."""
        return list(shadows(list(self.matchlist), self._indexed().controllers))

    def differences(self) -> list[Difference]:
        """Return examples of requests that Routes 2.5's own order answers by another route."""
        domains = Domains(self.sub_domains, self.sub_domains_ignore, self.domain_match)
        return list(differences(self.matchlist, self._indexed().controllers, domains))

    def __getstate__(self) -> dict[str, Any]:
        """Return what can be pickled or copied: all but locks, caches and the index."""
        return {name: value for name, value in self.__dict__.items() if name not in TRANSIENT}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._begin()
        self.__dict__.update(state, req_data=threading.local(), urlcache=LRUCache(URLS))
        self.create_regs_lock = self._changing

    def create_regs(self, *args: Any, **kwargs: Any) -> None:
        """Fix which controllers ``{controller}`` may name, and index the routes."""
        with self._changing:
            self._create_regs(*args, **kwargs)
            self._controllers = (*args, *kwargs.values(), None)[0]

    def _create_regs(self, clist: Any = None) -> Index:
        controllers = list(self._scanned() if clist is None else clist)
        for route in self.matchlist:
            route.makeregexp(controllers)
        self._asks = any((route.conditions or {}).get("function") for route in self.matchlist)
        domains = Domains(self.sub_domains, self.sub_domains_ignore, self.domain_match)
        with uncollected():
            index = Index(self.matchlist, controllers, domains, lambda: self.environ)
        # NOTE: kept here and not in the index, which it refers to: a cycle would outlive a change.
        # It is there before the index is, by which other threads tell that it is.
        self._search_index = index.searching()
        self._index = index
        self._created_regs = True
        own = type(self)._match is not IndexedMapper._match
        if not (self.always_scan or self.debug or self.prefix or own):
            self._find = self._search_index
        return index

    def _scanned(self) -> Any:
        scan = self.controller_scan
        if self.directory:
            return scan(self.directory)
        return scan() if callable(scan) else scan or ()

    def _forget(self) -> None:
        with self._changing:
            self._index = None
            self.made = {}
            self._created_regs = False
            self._find = self._search

    def _indexed(self) -> Index:
        """Return the index of the routes as they are now."""
        index = self._index
        if index is None or self.always_scan:
            with self._changing:
                index = self._index
                if index is None or self.always_scan:
                    index = self._reindexed()
        return index

    def _reindexed(self) -> Index:
        if self._controllers is None and not self.controller_scan:
            raise RoutesException("You must generate the regular expressions before matching.")
        return self._create_regs(None if self.always_scan else self._controllers)

    def _search(self, url: str, environ: Environ | None) -> Any:
        """Search while there is no index, or a setting asks for more than a look into it."""
        variables, route, log = self._match(url, environ)
        if self.debug:
            return variables, route, log
        return None if variables is None else (variables, route)

    def _match(self, url: str, environ: Environ | None) -> tuple[Any, Any, list[Any]]:
        """Return (variables, route, log), as Routes' own does; subclasses call or override it."""
        self._indexed()
        path = self._below_prefix(url)
        if self.debug:
            return self._logged(path, environ or self.environ)
        found = None if path is None else self._search_index(path, environ)
        return (None, None, []) if found is None else (*found, [])

    def _below_prefix(self, url: str) -> str | None:
        if not self.prefix:
            return url
        prefix = re.match(str(self.prefix), url)
        return prefix and (url[prefix.end() :] or "/")

    def _logged(self, path: str | None, environ: Environ | None) -> tuple[Any, Any, list[Any]]:
        """Scan the routes and return what was tried, as Routes does for ``debug``."""
        log: list[Any] = []
        tried = self.matchlist if path is not None else []
        for route in tried:
            found = route.match(
                path, environ, self.sub_domains, self.sub_domains_ignore, self.domain_match
            )
            log.append({"route": route, "regexp": bool(found)})
            if isinstance(found, dict):
                return found, route, log
        return None, None, log if any(route.regmatch.match(path or "") for route in tried) else []


@contextmanager
def uncollected() -> Iterator[None]:
    """Keep the garbage collector from running, where it was on.

    PERF: an index is a hundred thousand objects that stay; while it grows, the collector walks
    all there are, again and again, for a third of the time.
    """
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _path(environ: Environ | None) -> str:
    if not environ:
        raise RoutesException("URL or environ must be provided")
    return str(environ["PATH_INFO"])


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
