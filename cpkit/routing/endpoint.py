"""What a route leads to: the callable of a controller, and the config of the code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Any, NamedTuple

from cpkit.errors import RouteError

Config = Mapping[str, Any]
NOTHING = object()


class Endpoint(NamedTuple):
    """Hold what a controller and an action lead to.

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


def loaded(controller: Any, template: object = None) -> Any:
    """Return what ``"package.module:Class"`` names; anything else is returned as it is.

    Raises RouteError when the string has no colon or names nothing that can be imported.
    """
    if not isinstance(controller, str):
        return controller
    if ":" not in controller:
        raise RouteError(template, f"there is no controller {controller!r}", REMEDY)
    try:
        return resolve_name(controller)
    except (ImportError, AttributeError, ValueError) as error:
        raise RouteError(
            template, f"its controller {controller!r} can't be imported: {error}", REMEDY
        ) from error


REMEDY = 'Give an object, a class, a function or "package.module:Class".'


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
