"""What is wrong with a table of routes without being an error, told when the engine starts."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import cherrypy

from cpkit.config_check import check_at_start
from cpkit.routing.endpoint import is_exposed

WARNING = 30


def at_start(dispatcher: Any) -> None:
    """Log the faults of *dispatcher* whenever the engine starts, as long as it is in use.

    A wrong setting of a tool of cpkit's, in any mounted application, ends the start.
    """
    check_at_start(cherrypy.engine)
    alive = weakref.ref(dispatcher)

    def start() -> None:
        dispatcher = alive()
        for fault in faults(dispatcher) if dispatcher is not None else ():
            cherrypy.engine.log(fault, WARNING)

    # After CherryPy's checker (50), before anything is served.
    cherrypy.engine.subscribe("start", start, priority=51)
    weakref.finalize(dispatcher, cherrypy.engine.unsubscribe, "start", start).atexit = False


def faults(dispatcher: Any) -> Iterator[str]:
    """Yield a sentence for each route that can't do what it was written for."""
    for route, earlier in dispatcher.mapper.shadowed():
        yield (
            f"Route {route.routepath!r} can never match: {earlier.routepath!r}, declared before, "
            "takes all its URLs. Declare it first, or remove it."
        )
    for route in dispatcher.mapper.matchlist:
        if not route.redirect:
            yield from _unserved(dispatcher, dispatcher.target(route))


def _unserved(dispatcher: Any, target: Any) -> Iterator[str]:
    controller = target.controller
    if controller is None:
        controller = dispatcher.controllers.get(target.name)
    if controller is None:
        if "controller" not in target.variables:
            yield f"Route {target.template!r} answers 404: no controller is called {target.name!r}."
    elif isinstance(controller, str):
        return  # to be imported at its first request
    elif "action" in target.variables:
        # PERF: from the end, as the names with underscores come first.
        if not any(is_exposed(controller, name) for name in reversed(dir(controller))):
            yield (
                f"Route {target.template!r} answers 404: no method of {controller!r} is exposed. "
                "Decorate those that a URL may call with @cherrypy.expose."
            )
    elif target.route.member_name or not target.action:
        return  # a resource may leave some of its actions out
    elif dispatcher.built(target, controller, target.action) is None:
        yield (
            f"Route {target.template!r} answers 404: "
            f"{controller!r} has no method {target.action!r}."
        )
