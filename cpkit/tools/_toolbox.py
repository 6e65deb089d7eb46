"""The toolbox that holds cpkit's tools, and what they have in common.

PERF: CherryPy reads the settings of each tool at each request. Here they are read once for all
requests that have the same: a request's settings are looked up (:class:`Known`), and what was made
of them, a function, sets up its tools. That saves 40 µs of a request with three tools.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, Generic, NoReturn, ParamSpec, TypeVar

import cherrypy
from cherrypy import HTTPError

from cpkit.cherry import Request, Served, behind
from cpkit.cherry import Toolbox as CherryToolbox
from cpkit.errors import SettingError
from cpkit.serving.dispatching import dispatched_as, is_preflight
from cpkit.settings import Given, S, check, read

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])
Made = TypeVar("Made")
Setup = Callable[[Request], None]  # what a tool does to a request before its hooks run

# As of property, partialmethod and singledispatchmethod.
_NO_FUNCTION = "what it makes at each look-up knows nothing of the tool. Decorate a method."
_MOST_KNOWN = 512  # that are remembered: an application seldom has so many


class Tool(cherrypy.Tool, Generic[S]):
    """A tool whose settings are read once for all requests that have the same."""

    deciding: tuple[str, ...] = ("on",)  # the settings after which check_whole() is asked
    judges_preflights = False  # by what counts for the method that they ask for

    def __init__(
        self,
        point: str,
        settings: type[S],
        callable: Callable[..., object] | None = None,
        priority: float = 50,
    ) -> None:
        super().__init__(point, callable, priority=priority)
        self.__doc__ = type(self).__doc__
        self.settings = settings
        self._known = Known(self.setup_of)

    def switched_on(self, *args: object, **given: Any) -> Callable[[F], F]:
        """Check the settings and return the decorator that switches the tool on."""
        self.check_settings(given)
        switch: Callable[[object], object] = super().__call__(*args, **given)

        def decorate(handler: F) -> F:
            # Of a staticmethod or a classmethod, it is the function that is found again.
            found: object = handler
            if isinstance(handler, staticmethod | classmethod):
                found = handler.__func__
            if hasattr(found, "__get__") and not callable(found):
                raise SettingError(str(self._name), handler, _NO_FUNCTION)
            switch(found)
            return handler

        return decorate

    def check_settings(self, given: Given) -> None:
        """Raise the error of a setting that the tool does not have, or not for this value."""
        check(self._name, self.settings, given)

    def check_whole(self, given: Given) -> None:
        """Raise the error that keeps a tool from its work which is on with the settings *given*."""

    def check_handler(self, served: Served) -> None:
        """Raise the error that keeps the tool from its work for a page handler.

        Asked when the engine starts, of each page handler for which the tool is on.
        """

    def given_in(self, config: Given) -> Given:
        """Return the tool's settings in the *config* of a request, by their names."""
        prefix = f"{self.namespace}.{self._name}."
        return {key[len(prefix) :]: config[key] for key in config if str(key).startswith(prefix)}

    def setup_of(self, given: Given) -> Setup:
        """Return what sets up the tool on each request that has the settings *given*.

        Raises the errors of :meth:`check_settings`.
        """
        return self.setup_for(read(self._name, self.settings, given))

    def setup_for(self, settings: S) -> Setup:
        """Return what sets up the tool on each request that has these *settings*."""
        raise NotImplementedError

    def _setup(self) -> None:
        """Set up the tool on the request that is served, in a toolbox of CherryPy's."""
        request = cherrypy.serving.request
        self._known.of(request.toolmaps[self.namespace][self._name])(request)


def keywords_of(
    settings: Callable[P, S],
) -> Callable[Concatenate[Tool[S], P], Callable[[F], F]]:
    """Return the ``__call__`` of a tool: its keyword arguments are the *settings*, with types."""

    def __call__(  # noqa: N807 (it is one)
        tool: Tool[S], /, *args: P.args, **given: P.kwargs
    ) -> Callable[[F], F]:
        return tool.switched_on(*args, **given)

    return __call__


class Toolbox(CherryToolbox):
    """The tools under one config namespace; it says which exist when one does not."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self._known = Known(self._sort)

    def __setattr__(self, name: str, value: Any) -> None:
        """Add a tool, or put it in the place of another."""
        super().__setattr__(name, value)
        if isinstance(value, cherrypy.Tool):
            self._known = Known(self._sort)

    def __enter__(self) -> Callable[[str, Any], None]:
        """Return what takes in the settings of a request, one after another."""
        given: dict[str, Any] = {}
        cherrypy.serving.request.toolmaps[self.namespace] = given
        return given.__setitem__

    def __exit__(self, *error: object) -> None:
        """Set up the tools that are on."""
        request, own = cherrypy.serving.request, self.__dict__  # PERF: see __getattr__()
        namespace = own["namespace"]
        given = request.toolmaps[namespace]
        if isinstance(request.handler, HTTPError) and request.handler.code == 405:
            self._add_those_of_the_resource(request, given)
        if request.method == "OPTIONS" and is_preflight(request):
            self._judge_as_asked(request, given)
        if given:
            request.toolmaps[namespace], setups = own["_known"].of(given)
            for setup in setups:
                setup(request)

    def _add_those_of_the_resource(self, request: Request, given: dict[str, Any]) -> None:
        """Have *given* be what the resource of a 405 has for another method.

        Decorators stand at the methods, of which CherryPy's MethodDispatcher has found none. GET
        counts before others and adds what no section says.
        """
        by_method = cherrypy.dispatch.MethodDispatcher
        if not any(isinstance(each, by_method) for each in behind(request.dispatch)):
            return
        allowed = cherrypy.serving.response.headers.get("Allow", "")
        for name in sorted(allowed.split(", "), key=lambda name: name != "GET"):
            own = self._given_in(dispatched_as(request, name)[1])
            if not own.keys() <= given.keys():
                given.update({key: it for key, it in own.items() if key not in given})
                return

    def _judge_as_asked(self, request: Request, given: dict[str, Any]) -> None:
        """Have *given* be what counts for the method that a preflight asks for (Fetch, 4.8).

        What one method grants says nothing of another. A handler that answers OPTIONS keeps its
        own settings, but for those of tools that judge preflights.
        """
        asked = request.headers["Access-Control-Request-Method"]
        handler, config = dispatched_as(request, asked)
        if isinstance(handler, HTTPError):
            return
        own = self._given_in(config)
        answered = not isinstance(request.handler, HTTPError)
        for name in {*given, *own}:
            tool = getattr(self, name.partition(".")[0], None)
            if answered and not getattr(tool, "judges_preflights", False):
                continue
            given.pop(name, None)
            given.update({name: own[name]} if name in own else {})

    def _given_in(self, config: Given) -> dict[str, Any]:
        """Return the settings of the tools in *config*, by their names."""
        prefix = f"{self.namespace}."
        return {key[len(prefix) :]: config[key] for key in config if str(key).startswith(prefix)}

    def _sort(self, given: Given) -> tuple[dict[str, dict[str, Any]], list[Setup]]:
        """Return the settings by tool, and the set-ups of the tools that are on."""
        settings: dict[str, dict[str, Any]] = {}
        for key, value in sorted(given.items()):  # in whichever order they were written
            name, setting = key.split(".", 1)
            settings.setdefault(name, {})[setting] = value
        on = [(getattr(self, name), of) for name, of in settings.items() if of.get("on", False)]
        return settings, [_setup_of(tool, of) for tool, of in on]

    def __getattr__(self, name: str) -> NoReturn:
        """Raise an error that lists the tools there are (runs only when *name* is missing)."""
        tools = ", ".join(
            sorted(key for key, tool in vars(self).items() if isinstance(tool, cherrypy.Tool))
        )
        namespace = vars(self).get("namespace", "cpkit")
        told = f"There is no tool {namespace}.{name}; there is {tools}."
        raise AttributeError(told, name=name, obj=self)


class Known(Generic[Made]):
    """What was made of the latest settings.

    Settings are the same if their values are the same objects. Equal ones may differ: two dicts
    are equal whatever their order, which is the server's preference, and so are 1 and True.
    """

    def __init__(self, make: Callable[[Given], Made]) -> None:
        self._make = make
        # The settings are kept, lest another value gets the identity of one that is gone.
        self._known: dict[tuple[object, ...], tuple[Given, Made]] = {}
        self._latest: tuple[Given, Made] | None = None

    def of(self, given: Given) -> Made:
        """Return what was made of the same settings as those *given*, or make it."""
        # PERF: as most often, and quicker than the identities of all values.
        latest = self._latest
        if latest is not None and len(latest[0]) == len(given):
            for name, value in latest[0].items():
                if given.get(name, self) is not value:
                    break
            else:
                return latest[1]
        self._latest = latest = self._of(given)
        return latest[1]

    def _of(self, given: Given) -> tuple[Given, Made]:
        key = (*given, *map(id, given.values()))
        known = self._known.get(key)
        if known is None:
            known = dict(given), self._make(given)
            latest = list(self._known.items())[-_MOST_KNOWN + 1 :]
            self._known = {**dict(latest), key: known}
        return known


def _setup_of(tool: Any, settings: Given) -> Setup:
    if getattr(tool._setup, "__func__", None) is Tool._setup:
        setup: Setup = tool.setup_of(settings)
        return setup
    return lambda request: tool._setup()  # a tool of CherryPy's kind
