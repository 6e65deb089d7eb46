"""The toolbox that holds cpkit's tools and names them, or their settings, when one is misspelt."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

import cherrypy

from ..errors import UnknownSettingError


class Toolbox(cherrypy._cptools.Toolbox):
    """Collect tools under one config namespace, and say which exist when one does not."""

    def __getattr__(self, name: str) -> NoReturn:
        """Raise an error that lists the tools there are (runs only when *name* is missing)."""
        tools = ", ".join(sorted(key for key in vars(self) if key != "namespace"))
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
