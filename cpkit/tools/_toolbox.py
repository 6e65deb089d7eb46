"""The toolbox that holds cpkit's tools and names them, or their settings, when one is misspelt."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import cherrypy

from ..errors import UnknownSettingError

_Settings = dict[str, dict[str, Any]]  # by tool, then by name
_Sorted = tuple[dict[str, Any], _Settings, list[Any]]  # as given, sorted, and the tools that are on
_MOST_KNOWN = 32  # that are remembered: an application seldom has so many


class Toolbox(cherrypy._cptools.Toolbox):
    """Collect tools under one config namespace, and say which exist when one does not."""

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self._known: list[_Sorted] = []

    def __setattr__(self, name: str, value: Any) -> None:
        """Add a tool, or put it in the place of another."""
        super().__setattr__(name, value)
        if isinstance(value, cherrypy.Tool):
            self._known = []

    def __enter__(self) -> Callable[[str, Any], None]:
        """Return what takes in the settings of a request, one after another."""
        given: dict[str, Any] = {}
        cherrypy.serving.request.toolmaps[self.namespace] = given
        return given.__setitem__

    def __exit__(self, *error: object) -> None:
        """Set up the tools that are on.

        PERF: CherryPy sorts the settings by tool for each request. Most requests have those of
        another one before, so that comparing them is enough.
        """
        toolmaps = cherrypy.serving.request.toolmaps
        given = toolmaps[self.namespace]
        if not given:
            return
        for sorted_before in self._known:
            if sorted_before[0] == given:
                break
        else:
            sorted_before = self._sort(given)
        _, toolmaps[self.namespace], tools = sorted_before
        for tool in tools:
            tool._setup()

    def _sort(self, given: dict[str, Any]) -> _Sorted:
        settings: _Settings = {}
        for key, value in given.items():
            name, setting = key.split(".", 1)
            settings.setdefault(name, {})[setting] = value
        tools = [getattr(self, name) for name, of in settings.items() if of.get("on", False)]
        self._known = [(given, settings, tools), *self._known[: _MOST_KNOWN - 1]]
        return self._known[0]

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


def refuse_unknown(tool: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise :class:`UnknownSettingError` for the first of the settings *given* not in *known*."""
    listed = tuple(known)
    for name in given:
        if name not in listed:
            raise UnknownSettingError(tool, name, listed)
