"""The toolbox that holds cpkit's tools and names them when one is misspelt."""

from __future__ import annotations

from typing import Any, NoReturn

import cherrypy


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
