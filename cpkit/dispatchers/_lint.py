"""What is wrong with a table of routes without being an error, told when the engine starts."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import cherrypy

from ._endpoint import is_exposed

WARNING = 30


def at_start(dispatcher: Any) -> None:
    """Log the faults of *dispatcher* whenever the engine starts, as long as it is in use."""
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
        yield from _unserved(dispatcher.target(route), dispatcher.controllers)


def _unserved(target: Any, controllers: Any) -> Iterator[str]:
    controller = target.controller
    if controller is None:
        controller = controllers.get(target.name)
    if controller is None and "controller" not in target.variables and not target.route.redirect:
        yield f"Route {target.template!r} answers 404: no controller is called {target.name!r}."
    elif controller is not None and "action" in target.variables:
        names = [name for name in dir(controller) if is_exposed(controller, name)]
        if not names:
            yield (
                f"Route {target.template!r} answers 404: no method of {controller!r} is exposed. "
                "Decorate those that a URL may call with @cherrypy.expose."
            )
