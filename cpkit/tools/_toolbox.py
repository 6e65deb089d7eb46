"""The toolbox that holds cpkit's tools, and what they have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn

import cherrypy

from cpkit.errors import UnknownSettingError

Given = Mapping[str, Any]  # settings, by name
Setup = Callable[[Any], None]  # what a tool does to a request before its hooks run
_MOST_KNOWN = 32  # that are remembered: an application seldom has so many


class Tool(cherrypy.Tool):
    """Be a tool whose settings are looked at once for all requests that have the same."""

    def __init__(self, point: str, callable: Callable[..., Any], priority: int = 50) -> None:
        super().__init__(point, callable, priority=priority)
        self._known = Known(self.setup_for)

    def __call__(self, *args: Any, **settings: Any) -> Any:
        """Check the settings and return the decorator that switches the tool on."""
        self.check_settings(settings)
        return super().__call__(*args, **settings)

    def check_settings(self, given: Given) -> None:
        """Raise the error of a setting that the tool does not have, or not for this value."""
        raise NotImplementedError

    def setup_for(self, given: Given) -> Setup:
        """Return what sets up the tool on each request that has the settings *given*.

        Raises the errors of :meth:`check_settings` that would keep it from its work.
        """
        raise NotImplementedError

    def _setup(self) -> None:
        """Set up the tool on the request that is served, in a toolbox of CherryPy's."""
        request = cherrypy.serving.request
        self._known.of(request.toolmaps[self.namespace][self._name])(request)


class Toolbox(cherrypy._cptools.Toolbox):
    """Collect tools under one config namespace, and say which exist when one does not."""

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
        request = cherrypy.serving.request
        given = request.toolmaps[self.namespace]
        if given:
            request.toolmaps[self.namespace], setups = self._known.of(given)
            for setup in setups:
                setup(request)

    def _sort(self, given: Given) -> tuple[dict[str, dict[str, Any]], list[Setup]]:
        """Return the settings by tool, and the set-ups of the tools that are on."""
        settings: dict[str, dict[str, Any]] = {}
        for key, value in given.items():
            name, setting = key.split(".", 1)
            settings.setdefault(name, {})[setting] = value
        on = [(getattr(self, name), of) for name, of in settings.items() if of.get("on", False)]
        return settings, [_setup_of(tool, of) for tool, of in on]

    def __getattr__(self, name: str) -> NoReturn:
        """Raise an error that lists the tools there are (runs only when *name* is missing)."""
        tools = ", ".join(
            sorted(key for key, tool in vars(self).items() if isinstance(tool, cherrypy.Tool))
        )
        raise AttributeError(
            f"There is no tool {self._namespace()}.{name}; there is {tools}.", name=name, obj=self
        )

    def _namespace(self) -> Any:
        return vars(self).get("namespace", "cpkit")


class Known:
    """Remember what was made of the latest settings.

    PERF: most requests have the settings of another one before, and to compare them takes less
    than to read them.
    """

    def __init__(self, make: Callable[[Given], Any]) -> None:
        self._make = make
        self._known: list[tuple[Given, Any]] = []

    def of(self, given: Given) -> Any:
        """Return what was made of settings that equal those *given*, or make it."""
        for known, made in self._known:
            if known == given:
                return made
        made = self._make(given)
        self._known = [(given, made), *self._known[: _MOST_KNOWN - 1]]
        return made


def _setup_of(tool: Any, settings: Given) -> Setup:
    if getattr(tool._setup, "__func__", None) is Tool._setup:
        setup: Setup = tool.setup_for(settings)
        return setup
    return lambda request: tool._setup()  # a tool of CherryPy's kind


def refuse_unknown(tool: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise :class:`UnknownSettingError` for the first of the settings *given* not in *known*."""
    listed = tuple(known)
    for name in given:
        if name not in listed:
            raise UnknownSettingError(tool, name, listed)
