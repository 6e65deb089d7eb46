"""What the configuration asks of cpkit's tools, checked when the engine starts."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from inspect import getattr_static
from types import FunctionType, GetSetDescriptorType, MethodType
from typing import Any, NamedTuple, NoReturn, Protocol

import cherrypy

from cpkit.routing.declarations import closed_over
from cpkit.routing.table import RouteTable, operations

from .cherry import Application, Bus, Served, behind
from .errors import ConfigError, CpkitError, SettingError, UnknownSettingError
from .logs.printable import printable

NAMESPACE = "cpkit"
_HIDDEN = "a decorator hides it: use functools.wraps there, or switch the tool on above it."
_SESSIONS = "tools.sessions."  # CherryPy's tool, whose storage may be ours
Config = Mapping[str, Any]
Toolboxes = Mapping[str, Any]


class Tool(Protocol):
    """What is asked of a tool of cpkit's."""

    deciding: Collection[str]

    def check_settings(self, given: Config) -> None:
        """Raise the error of a setting that the tool does not have, or not for this value."""

    def check_whole(self, given: Config) -> None:
        """Raise the error of what the tool lacks that is on with the settings *given*."""


class Place(NamedTuple):
    """A place where config is written: what is written there, and all that counts there.

    *below* is what is written at the pages below it.
    """

    name: str
    written: Config
    valid: Config
    below: list[Config]
    toolboxes: Toolboxes


@dataclass(frozen=True)
class StartCheck:
    """Check the tools when *bus* starts: the same listener, whichever pieces subscribe it."""

    bus: Bus

    def __call__(self) -> None:
        """Check the tools."""
        check_tools(self.bus)


def check_at_start(bus: Bus) -> None:
    """Have the tools checked when *bus* starts: once, however many pieces ask for it."""
    # After CherryPy's checker (50), before anything is opened (60) and Daemonizer forks (65),
    # while the exit code can still tell.
    bus.subscribe("start", StartCheck(bus), priority=55)


def check_tools(bus: Bus) -> None:
    """End the process if a tool of cpkit's cannot do what the configuration says.

    Looked at are the global config, the sections of each mounted application, and the
    ``_cp_config`` of its controllers and page handlers.
    """
    for error in faults():
        end_start(bus, error)


def end_start(bus: Bus, problem: object, of: str = "") -> NoReturn:
    """End the process with one line; exceptions of other kinds let CherryPy's server come up.

    *of* names what has the *problem*. The line goes to stderr too, unless the log does.
    """
    said = f"{of}: nothing is served" if of else "Nothing is served"
    line = printable(f"{said}, since {problem}")
    bus.log(line, 40)
    if not is_on_stderr(cherrypy.log.error_log):
        print(line, file=sys.stderr, flush=True)  # noqa: T201
    # CherryPy would log how a bus ends that was not told to, and warn of it.
    bus.state = bus.states.EXITING
    raise SystemExit(1)


def is_on_stderr(logger: logging.Logger) -> bool:
    """Tell whether what *logger* logs can be read on stderr."""
    handlers = list(logger.handlers)
    while logger.propagate and logger.parent is not None:
        logger = logger.parent
        handlers += logger.handlers
    streams = (getattr(getattr(it, "target", it), "stream", None) for it in handlers)
    return any(stream in (sys.stderr, sys.__stderr__) for stream in streams if stream is not None)


def faults() -> Iterator[ConfigError]:
    """Yield the error of each key that cannot be used."""
    for place in places():
        # A misspelt setting is told before what its tool lacks.
        for key, value in sorted(place.written.items(), key=_switches):
            try:
                _check(key, value, place)
            except (CpkitError, AttributeError) as error:
                yield _fault(key, place.name, error)
    yield from _unfit_handlers()


def _switches(entry: tuple[str, object]) -> bool:
    return str(entry[0]).endswith(".on")


def _fault(key: str, place: str, error: Exception) -> ConfigError:
    fault = ConfigError(key, place, _reason(error))
    fault.__cause__ = error
    return fault


def _reason(error: Exception) -> str:
    if isinstance(error, UnknownSettingError) or not isinstance(error, SettingError):
        return str(error)
    return f"{error.remedy} It is {error.value!r}."  # the key is named already


def _unfit_handlers() -> Iterator[ConfigError]:
    """Yield an error for each page handler that a tool cannot do its work for."""
    seen: set[tuple[object, ...]] = set()  # one may answer several routes
    for app in cherrypy.tree.apps.values():
        for served in handlers_of(app) if isinstance(app, cherrypy.Application) else ():
            function = getattr(served.handler, "__func__", served.handler)
            for key, tool in _tools_on(app.toolboxes, served.config):
                asked = function, key, served.methods, frozenset(served.variables.items())
                if asked not in seen:
                    seen.add(asked)
                    try:
                        tool.check_handler(served)
                    except CpkitError as error:
                        yield _fault(key, _name(function), error)
            for name, hidden in _hidden_by(served.handler):
                for key, _ in _tools_on(app.toolboxes, hidden):
                    if key not in served.config:
                        yield ConfigError(key, name, _HIDDEN)


def _hidden_by(handler: Callable[..., Any]) -> Iterator[tuple[str, Config]]:
    """Yield the name and config of the function in whose place a decorator put *handler*."""
    owner, function = getattr(handler, "__self__", None), getattr(handler, "__func__", handler)
    classes = (owner if isinstance(owner, type) else type(owner)).__mro__
    for hidden in closed_over(function):
        if isinstance(hidden, FunctionType):
            places = (*classes, sys.modules.get(hidden.__module__))
            if any(vars(it).get(hidden.__name__) is function for it in places if it):
                yield hidden.__qualname__, vars(hidden).get("_cp_config", {})


def _tools_on(toolboxes: Mapping[str, Any], config: Config) -> Iterator[tuple[str, Any]]:
    """Yield the tools of cpkit's that *config* switches on, each after the key that does."""
    for namespace, toolbox in toolboxes.items():
        for name, tool in vars(toolbox).items():
            if hasattr(tool, "check_handler") and config.get(f"{namespace}.{name}.on"):
                yield f"{namespace}.{name}.on", tool


def handlers_of(app: Application) -> Iterator[Served]:
    """Yield the page handlers of an application, with what counts for each.

    Those of a RoutesDispatcher are told by its routes, others by the tree; sections of the
    config below ``/`` are left to the requests.
    """
    base = {**cherrypy.config, **(getattr(app.root, "_cp_config", None) or {})}
    base.update(app.config.get("/", {}))
    for dispatcher in _dispatchers(app.config.values()):
        if isinstance(dispatcher, RouteTable):
            for served in _routed(dispatcher):
                yield served._replace(config={**base, **served.config})
    seen: set[int] = set()
    for served in page_handlers(app.root, seen):
        yield served._replace(config={**base, **served.config})


def _routed(table: RouteTable) -> Iterator[Served]:
    """Yield what answers each route of *table*, with the methods that it answers there."""
    by_route: dict[tuple[int, int], Served] = {}
    for target, method, handler, config in operations(table):
        key = id(target), id(getattr(handler, "__func__", handler))
        methods = None if method is None else frozenset({method})
        before = by_route.get(key)
        if methods and before and before.methods:
            methods |= before.methods
        variables = {name: target.route.reqs.get(name) for name in target.variables}
        by_route[key] = Served(handler, config, methods, variables)
    yield from by_route.values()


def _dispatchers(sections: Iterable[Config]) -> Iterable[object]:
    """Return the dispatchers of *sections*, and those that they wrap, each once."""
    found = (each for section in sections for each in behind(section.get("request.dispatch")))
    return {id(each): each for each in found}.values()


def page_handlers(page: object, seen: set[int]) -> Iterator[Served]:
    """Yield the exposed functions of *page* and below it, each once; adds to *seen*."""
    if id(page) in seen:
        return
    seen.add(id(page))
    members = _members(page)
    config = members.get("_cp_config") or {}
    by_method = members.get("exposed") is True and not isinstance(page, FunctionType)
    for name, member in members.items():
        if name.startswith("__") or isinstance(page, FunctionType):
            continue
        if isinstance(member, FunctionType):
            if member.__dict__.get("exposed") or (by_method and name.isupper()):
                own = name in getattr(page, "__dict__", {}) and not isinstance(page, type)
                handler = member if own else MethodType(member, page)
                own_config = {**config, **member.__dict__.get("_cp_config", {})}
                methods = frozenset({name}) if by_method and name.isupper() else None
                yield Served(handler, own_config, methods)
        elif _is_page(member):
            yield from page_handlers(member, seen)


def places() -> Iterator[Place]:
    """Yield every place of config that is known before there are requests."""
    toolboxes = cherrypy.Application.toolboxes
    yield Place("the global config", cherrypy.config, {}, [], toolboxes)
    for mount, app in cherrypy.tree.apps.items():
        if isinstance(app, cherrypy.Application):
            for place in _places_of(app):
                yield place._replace(name=f"{place.name} of {mount or '/'}")


def _places_of(app: Application) -> Iterator[Place]:
    sections = {path: section for path, section in app.config.items() if path.startswith("/")}
    base = {**cherrypy.config, **(getattr(app.root, "_cp_config", None) or {})}
    seen: set[int] = set()
    root = Place("", {}, {**base, **sections.get("/", {})}, [], app.toolboxes)
    dispatchers = _dispatchers(sections.values())
    controllers = (page for each in dispatchers for page in _controllers(each))
    pages = [place for page in (app.root, *controllers) for place in page_places(page, root, seen)]
    for each in dispatchers:
        for name, written, code in each.route_configs() if isinstance(each, RouteTable) else ():
            pages.append(Place(name, written, {**root.valid, **code}, [], app.toolboxes))
    for path, written in sections.items():
        above = [each for each in sections if f"{path}/".startswith(f"{each.rstrip('/')}/")]
        valid = dict(base)
        for each in sorted(above, key=len):
            valid.update(sections[each])
        below = [page.written for page in pages]
        yield Place(f"[{path}]", written, valid, below, app.toolboxes)
    yield from pages
    yield _switched_on_for_all(root, [*sections.values(), *(page.written for page in pages)])


def _switched_on_for_all(root: Place, below: list[Config]) -> Place:
    """Return what the global config switches on for the application of *root*."""
    counts = {
        key: it
        for key, it in cherrypy.config.items()
        if str(key).endswith(".on") and root.valid[key] is it
    }
    return Place("the global config", counts, root.valid, below, root.toolboxes)


def _controllers(dispatcher: object) -> Iterable[object]:
    """Return what a dispatcher that knows its controllers leads to."""
    if isinstance(dispatcher, RouteTable):
        return dispatcher.pages()
    return list(getattr_static(dispatcher, "controllers", {}).values())


def _check(key: str, value: object, place: Place) -> None:
    """Raise the error of the tool that has no such setting, or not for this value."""
    namespace, _, rest = key.partition(".")
    name, _, setting = rest.partition(".")
    toolbox = place.toolboxes.get(namespace)
    if key.startswith(_SESSIONS):
        _check_sessions(place)
    if toolbox is None:
        if namespace == NAMESPACE:
            raise AttributeError("there are no tools of cpkit's: import cpkit.tools.")
        return
    tool: Any = getattr(toolbox, name) if namespace == NAMESPACE else vars(toolbox).get(name)
    if not hasattr(tool, "check_settings"):
        return
    if not setting:
        raise AttributeError(f"it names a tool and no setting: write {key}.on.")
    tool.check_settings({setting: value})
    if setting in tool.deciding:
        _check_whole(tool, f"{namespace}.{name}.", place)


def _check_sessions(place: Place) -> None:
    """Raise the error of sessions that are on and cannot be kept where they are to be."""
    given = _valid_of(_SESSIONS, place)
    check_whole = getattr(given.get("storage_class"), "check_whole", None)
    if given.get("on") and check_whole is not None:
        check_whole(given, place.valid)


def _check_whole(tool: Tool, prefix: str, place: Place) -> None:
    """Raise the error of a tool that is on and lacks something, unless pages below have it."""
    settings = _valid_of(prefix, place)
    try:
        if settings.get("on"):
            tool.check_whole(settings)
    except SettingError:
        deciding = {prefix + name for name in tool.deciding if name != "on"}
        if all(deciding.isdisjoint(written) for written in place.below):
            raise


def _valid_of(prefix: str, place: Place) -> dict[str, Any]:
    """Return what counts at *place* of the settings that begin with *prefix*, by their names."""
    return {key[len(prefix) :]: it for key, it in place.valid.items() if _begins(key, prefix)}


def _begins(key: object, prefix: str) -> bool:
    return isinstance(key, str) and key.startswith(prefix)


# NOTE: only the dictionaries of objects and classes are looked at: no property and no
# ``__getattr__`` runs.
def page_places(page: object, above: Place, seen: set[int]) -> list[Place]:
    """Return the places of config of *page* and of the pages below it, each once.

    *above* is the place whose config counts for it too; adds to *seen*.
    """
    page = page.__func__ if isinstance(page, MethodType) else page
    if id(page) in seen:
        return []
    seen.add(id(page))
    members = _members(page)
    config = members.get("_cp_config")
    written = config if isinstance(config, Mapping) else {}
    own = Place(_name(page), written, {**above.valid, **written}, [], above.toolboxes)
    below = [
        place
        for name, member in members.items()
        if not name.startswith("__") and _is_page(member)
        for place in page_places(member, own, seen)
    ]
    own.below.extend(place.written for place in below)
    return [own, *below] if written else below


def _is_page(thing: object) -> bool:
    """Tell whether *thing* is a function, or is or has something that is exposed."""
    if isinstance(thing, FunctionType | type):
        return isinstance(thing, FunctionType)
    return _has_exposed(thing) or any(
        _has_exposed(member) for written in _written(thing) for member in written.values()
    )


def _has_exposed(thing: object) -> bool:
    return any("exposed" in written for written in _written(thing))


def _members(thing: object) -> dict[str, Any]:
    """Return what is written on *thing* and on its classes; the nearest counts."""
    found: dict[str, Any] = {}
    for written in reversed(_written(thing)):
        found.update(written)
    return found


def _written(thing: object) -> list[Mapping[str, Any]]:
    """Return the dictionaries of *thing* and of its classes, the nearest first."""
    if isinstance(thing, FunctionType):
        return [vars(thing)]
    classes = (thing if isinstance(thing, type) else type(thing)).__mro__
    # PERF: Python's own classes have some hundred members, none of them a page.
    written: list[Mapping[str, Any]] = [
        vars(each) for each in classes if each.__module__ != "builtins"
    ]
    if isinstance(thing, type):
        return written
    own = next((each["__dict__"] for each in written if "__dict__" in each), None)
    # NOTE: a property of that name would run code.
    if isinstance(own, GetSetDescriptorType):
        written.insert(0, own.__get__(thing))
    return written


def _name(page: object) -> str:
    named = page if isinstance(page, FunctionType | type) else type(page)
    return named.__qualname__
