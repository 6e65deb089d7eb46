"""What a route leads to: its controller, the callable, and the config of the code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Any, NamedTuple

from cpkit.errors import RouteError

from .route import Route
from .sections import Config, spellings
from .template import Spelling

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
        self.route, self.controller, self.config = route, controller, config or {}
        path: str = route.routepath
        # NOTE: a minimized route has lost its leading slash; any other never had one.
        self.path = "/" + path if route.minimization and path[:1] != "/" else path
        spelling = Spelling(self.path)
        self.template = str(spelling)
        self.sections = spellings(spelling)
        self.section = _static_part(self.template)
        self.name = route.defaults.get("controller")
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
    inherited = {**_config(controller), **config}
    if action is None:
        methods = by_method(controller, config)
        if methods is None and not _called(controller):
            return None
        return Endpoint(controller, None, inherited, methods)
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


def _config(owner: Any) -> Config:
    config: Config = getattr(owner, "_cp_config", None) or {}
    return config
