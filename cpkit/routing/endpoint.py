"""What a route leads to: its controller, the callable, and the config of code and file."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pkgutil import resolve_name
from types import MethodType
from typing import Any, NamedTuple

from cpkit.errors import RouteError

from .route import Route
from .segments import Spelling

Config = Mapping[str, Any]
Sections = dict[str, dict[str, Any]]
Layer = tuple[str, Config]
Levels = tuple[tuple[str, ...], ...]  # at each level, the names that its section may have

STATICDIR = "tools.staticdir.dir"
NOTHING = object()
REMEDY = 'Give an object, a class, a function or "package.module:Class".'


class Endpoint(NamedTuple):
    """What a controller and an action lead to.

    *controller* is the object or the class, *attribute* the name of the method (None: the
    controller itself is called), *config* the ``_cp_config`` of both and of ``connect``.
    *methods* is None, or one endpoint per HTTP method.
    """

    controller: Any
    attribute: str | None
    config: Config
    methods: Mapping[str, Endpoint] | None = None

    def handler(self) -> Callable[..., Any] | None:
        """Return the callable; a class makes a new controller for each request."""
        owner = self.controller() if isinstance(self.controller, type) else self.controller
        return owner if self.attribute is None else getattr(owner, self.attribute, None)


class Target:
    """A route as a dispatcher sees it, worked out once.

    *controller* is None when the route names its controller: by a default, or in the URL.
    *path* is the route's as it is written, *template* without the regexes of its variables.
    """

    def __init__(self, route: Route, controller: Any = None, config: Config | None = None) -> None:
        self.name = route.defaults.get("controller")
        if controller is None and callable(self.name):  # given to the mapper itself
            controller = self.name
        self.route, self.controller, self.config = route, controller, config or {}
        path: str = route.routepath
        # NOTE: a minimized route has lost its leading slash; any other never had one.
        self.path = "/" + path if route.minimization and path[:1] != "/" else path
        spelling = Spelling(self.path)
        self.template = str(spelling)
        self.sections = spellings(spelling)
        self.section = _static_part(self.template)
        self.action = route.defaults.get("action")
        self.heads = "HEAD" in ((route.conditions or {}).get("method") or ())
        self.endpoints: dict[tuple[object, object], Endpoint] = {}
        self.fixed: Endpoint | None = None  # what every URL of this route leads to, if one does
        parts = [part for part in route.routelist if isinstance(part, dict)]
        self.variables = {part["name"] for part in parts}
        plain = {part["name"] for part in parts if part["type"] != "*"}
        self._decoded = plain - route.reqs.keys()

    def decode_slashes(self, variables: dict[str, Any]) -> None:
        """Decode ``%2F`` where it can't be taken for a separator: in one plain segment.

        A wildcard or a variable with a regex keeps it as the server gave it, so that a real
        slash and an encoded one stay different.
        """
        for name in self._decoded:
            value = variables.get(name)
            if isinstance(value, str):
                variables[name] = value.replace("%2F", "/")


def _static_part(template: str) -> str:
    """Return the whole segments before the first variable: ``/a`` for ``/a/{b}``."""
    for char in "{:*":
        template = template.partition(char)[0]
    return template.rpartition("/")[0] or "/"


def loaded(controller: Any, template: object = None) -> Any:
    """Return what ``"package.module:Class"`` names; anything else is returned as it is.

    Raises RouteError when the string has no colon or names nothing that can be imported.
    """
    if not isinstance(controller, str):
        return controller
    if ":" not in controller:
        remedy = f"Put it into dispatcher.controllers[{controller!r}] first, or g" + REMEDY[1:]
        raise RouteError(template, f"there is no controller {controller!r}", remedy)
    try:
        return resolve_name(controller)
    except (ImportError, AttributeError, ValueError) as error:
        raise RouteError(
            template, f"its controller {controller!r} can't be imported: {error}", REMEDY
        ) from error


def endpoint(controller: Any, action: Any, *, trusted: bool, config: Config) -> Endpoint | None:
    """Return the endpoint of *action* on *controller*, or None when nothing may answer.

    An action that is not *trusted* came with the URL: only an exposed method answers to it.
    Without an action, an exposed object with methods such as ``GET`` answers by method, and
    a callable is called.
    """
    if action is None:
        methods = by_method(controller, config)
        if methods is None and not _called(controller):
            return None
        called = _config(call_of(controller)) if methods is None else {}
        return Endpoint(controller, None, {**_config(controller), **called, **config}, methods)
    if not isinstance(action, str) or not (trusted or is_exposed(controller, action)):
        return None
    # NOTE: a trusted action may come from __getattr__; of a class, only the instance knows.
    owner = controller if isinstance(controller, type) else None
    method = static(controller, action) if owner else getattr(controller, action, None)
    if not callable(_function(method)) and not (owner and hasattr(owner, "__getattr__")):
        return None
    return Endpoint(controller, action, {**_config(controller), **_config(method), **config})


def by_method(controller: Any, config: Config) -> dict[str, Endpoint] | None:
    """Return an endpoint per HTTP method of an exposed *controller*; GET answers HEAD too."""
    if getattr(controller, "exposed", None) is not True:
        return None
    names = [name for name in dir(controller) if name.isupper() and name.isalpha()]
    found = {name: static(controller, name) for name in names}
    methods = {
        name: Endpoint(controller, name, {**_config(controller), **_config(method), **config})
        for name, method in found.items()
        if callable(_function(method)) and not isinstance(method, type)
    }
    if "GET" in methods:
        methods.setdefault("HEAD", methods["GET"])
    return methods or None


def written(methods: Mapping[str, Endpoint]) -> list[str]:
    """Return which of *methods* a controller has itself: not the HEAD that its GET answers."""
    heads = methods.get("HEAD")
    return [name for name in methods if name != "HEAD" or heads is not methods.get("GET")]


def is_exposed(controller: Any, name: str) -> bool:
    """Tell whether a URL may call the method *name*; no property of *controller* is run."""
    method = _function(static(controller, name))
    return (
        not name.startswith("_")
        and callable(method)
        and not isinstance(method, type)
        and getattr(method, "exposed", None) is True
    )


def static(controller: Any, name: str) -> Any:
    """Return the attribute as it is written, without calling any descriptor."""
    if not isinstance(controller, type):
        return inspect.getattr_static(controller, name, NOTHING)
    # NOTE: not getattr_static(class): that would find what the metaclass has, too.
    return next((vars(cls)[name] for cls in controller.__mro__ if name in vars(cls)), NOTHING)


def _function(method: Any) -> Any:
    return method.__func__ if isinstance(method, (staticmethod, classmethod)) else method


def _called(controller: Any) -> bool:
    if isinstance(controller, type):
        return static(controller, "__call__") is not NOTHING
    return callable(controller)


def call_of(controller: Any) -> Any:
    """Return the function that answers where *controller* itself, or an object of it, is called."""
    return static(controller if isinstance(controller, type) else type(controller), "__call__")


def _config(owner: Any) -> Config:
    config: Config = getattr(_function(owner), "_cp_config", None) or {}
    return config


def bound(controller: Any, attribute: str | None) -> Callable[..., Any] | None:
    """Return the handler as a request would call it; no controller is made for it.

    A method of a class whose controllers are made for each request is bound to the class.
    """
    name = "__call__" if attribute is None and isinstance(controller, type) else attribute
    if name is None:
        return controller if callable(controller) else None
    if not isinstance(controller, type):
        return getattr(controller, name, None)
    member = static(controller, name)
    if isinstance(member, staticmethod):
        return member.__func__
    if isinstance(member, classmethod):
        return MethodType(member.__func__, controller)
    return None if member is NOTHING or not callable(member) else MethodType(member, controller)


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """Merge (section name, config) layers; a later one overrides an earlier one."""
    config: dict[str, Any] = {}
    for _, layer in layers:
        config.update(layer)
    if STATICDIR in config:
        # tools.staticdir asks which section named the directory.
        section = next(name for name, layer in reversed(layers) if STATICDIR in layer)
        config["tools.staticdir.section"] = section
    return config


def prefixes(path: str) -> Iterator[str]:
    """Yield ``/a``, ``/a/b``, ``/a/b/c`` for ``/a/b/c``; ``/a/index`` after ``/a/``."""
    end = path.find("/", 1)
    while end != -1:
        yield path[:end]
        end = path.find("/", end + 1)
    yield path + "index" if path.endswith("/") else path


def spellings(template: Spelling) -> Levels:
    """Return the names that the sections along *template* may have, at each level.

    They are those of the template without the regexes of its variables, and as it is written.
    """
    plain = written = ""
    levels: list[tuple[str, ...]] = []
    for before, variable, name in (*template.pieces, (template.template[template.ended :], "", "")):
        *ended, open_ = before.split("/")
        for text in ended:
            plain, written = plain + text, written + text
            levels.append((plain, written) if plain != written else (plain,))
            plain, written = plain + "/", written + "/"
        plain, written = plain + open_ + name, written + open_ + variable
    if plain.endswith("/"):
        plain, written = plain + "index", written + "index"
    levels.append((plain, written) if plain != written else (plain,))
    return tuple(levels[1:])


def along(sections: Sections, path: str, template: Levels, depth: int) -> list[Layer]:
    """Return the sections that apply to *path*, the more specific ones later.

    *template* holds the names of the sections of the route's template; at each level its section
    comes before the one of the literal path. No level below *depth* is looked at.
    """
    layers: list[Layer] = []
    literal = prefixes(path)
    for level in range(depth):
        names = template[level] if level < len(template) else ()
        for name in names:
            if name in sections:
                layers.append((name, sections[name]))
        name = next(literal, "")
        if not name and not names:
            break
        if name in sections and name not in names:
            layers.append((name, sections[name]))
    return layers


ROOT = frozenset({"/"})
UNKNOWN: tuple[Sections | None, int, str | None, int] = (None, 0, None, 0)


class Depths:
    """How deep the sections of each application go, remembered until they change.

    PERF: with no section but ``/``, no request looks for one; and a path of a thousand
    segments costs no more than the deepest section.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Sections | None, int, str | None, int]] = {}

    def of(self, sections: Sections) -> int:
        """Return the number of levels of the deepest section; ``/`` has none."""
        if sections.keys() <= ROOT:
            return 0
        # NOTE: a new section is always the last key, a removed one changes the length.
        last = next(reversed(sections), None)
        same, size, final, depth = self._known.get(id(sections), UNKNOWN)
        if same is sections and size == len(sections) and final == last:
            return depth
        depth = max(name.count("/") for name in sections if name != "/")
        if len(self._known) >= 64:
            self._known.clear()
        self._known[id(sections)] = (sections, len(sections), last, depth)
        return depth
