"""The tool that lends each request a unit of work, and ends it as the answer tells."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Any

import cherrypy

from cpkit.errors import DatabaseNotRunningError, DatabaseSettingError

from ._loan import Loan
from ._toolbox import refuse_unknown

_MOST_LOANS = 32  # that are remembered: an application seldom has so many settings

HANDLES = ("connection", "session", "dbapi")


class DatabaseTool(cherrypy.Tool):
    """Lend each request one transaction, committed or rolled back by its outcome.

    For a further database make a further tool: ``toolbox.reports = DatabaseTool("reports")`` lends
    ``cherrypy.engine.reports`` as ``cherrypy.request.reports`` where ``cpkit.reports.on``.

    Config: ``cpkit.db.on``; ``plugin`` ("db": the database is ``cherrypy.engine.db``);
    ``handle`` ("connection", "session" or "dbapi"); ``write`` (None: the method tells);
    ``isolation``; ``read_only``; ``commit_on`` (statuses from 400 on that commit too);
    ``retry`` (how often a handler is run again after a conflict).
    """

    def __init__(self, plugin: str = "db", name: str | None = None) -> None:
        super().__init__("on_end_resource", self.lend, name)
        self._plugin = plugin
        self._loans: list[tuple[dict[str, Any], Loan]] = []
        self._last: tuple[Any, Any] = (None, None)

    def __call__(self, *args: Any, **settings: Any) -> Any:
        """Check the settings and return the decorator that switches the tool on."""
        self.check_settings(settings)
        return super().__call__(*args, **settings)

    def check_settings(self, given: Mapping[str, Any]) -> None:
        """Raise UnknownSettingError or DatabaseSettingError if one is wrong."""
        check(self._name, given)

    def check_plugin(self, name: str | None) -> None:
        """Raise DatabaseNotRunningError if there is no such plugin, or it will not run."""
        name = name or self._plugin
        if not getattr(getattr(cherrypy.engine, name, None), "will_run", False):
            raise DatabaseNotRunningError(name)

    def _setup(self) -> None:
        request = cherrypy.serving.request
        given = request.toolmaps[self.namespace][self._name]
        known, loan = self._last
        # PERF: the toolbox hands out the same settings again and again.
        if known is not given or loan.database is not getattr(cherrypy.engine, loan.plugin, None):
            loan = self._loan(given)
            self._last = given, loan
        loan.lend(request)

    def _loan(self, given: dict[str, Any]) -> Loan:
        """Return the terms that were *given*. PERF: they are read once, and then compared."""
        for known, loan in self._loans:
            if known == given and loan.holds:
                return loan
        settings = {key: value for key, value in given.items() if key != "on"}
        if not settings.keys() <= _SETTINGS.keys():
            refuse_unknown(self._name, settings, _SETTINGS)
        loan = Loan(self._name, **{**_SETTINGS, "plugin": self._plugin, **settings})
        others = [other for other in self._loans if other[0] != given]
        self._loans = [(given, loan), *others[: _MOST_LOANS - 1]]
        return loan

    def lend(
        self,
        plugin: str = "db",
        handle: str = "connection",
        write: bool | None = None,
        isolation: str | None = None,
        read_only: bool = False,
        commit_on: Collection[int | str] = (),
        retry: int = 0,
    ) -> None:
        """Put a unit of work on the request, and see to its end."""
        modes = {"write": write, "isolation": isolation, "read_only": read_only}
        ends = {"commit_on": commit_on, "retry": retry}
        loan = self._loan({"plugin": plugin, "handle": handle, **modes, **ends})
        loan.lend(cherrypy.serving.request)


_SETTINGS = {  # and their defaults
    name: parameter.default
    for name, parameter in inspect.signature(DatabaseTool.lend).parameters.items()
    if name != "self"
}


def check(tool: str, settings: Mapping[str, Any]) -> None:
    """Raise for a setting that the tool does not have, and for a value that one cannot have.

    UnknownSettingError, DatabaseSettingError.
    """
    refuse_unknown(tool, settings, _SETTINGS)
    handle, retry = settings.get("handle", HANDLES[0]), settings.get("retry", 0)
    if handle not in HANDLES:
        raise DatabaseSettingError(f"{tool}.handle", handle, f"take one of {', '.join(HANDLES)}.")
    if not isinstance(retry, int) or retry < 0:
        raise DatabaseSettingError(f"{tool}.retry", retry, "give how often to run again.")
