"""The tool that lends each request a unit of work, and ends it as the answer tells."""

from __future__ import annotations

import inspect
from collections.abc import Collection
from typing import Any

import cherrypy

from cpkit.database.requests import Loan
from cpkit.errors import DatabaseNotRunningError, DatabaseSettingError

from ._toolbox import Given, Setup, Tool, refuse_unknown

HANDLES = ("connection", "session", "dbapi")


class DatabaseTool(Tool):
    """Lend each request one transaction, committed or rolled back by its outcome.

    For a further database make a further tool: ``toolbox.reports = DatabaseTool("reports")`` lends
    ``cherrypy.engine.reports`` as ``cherrypy.request.reports`` where ``cpkit.reports.on``.

    Config: ``cpkit.db.on``; ``plugin`` ("db": the database is ``cherrypy.engine.db``);
    ``handle`` ("connection", "session" or "dbapi"); ``write`` (None: the method tells);
    ``isolation``; ``read_only``; ``commit_on`` (statuses from 400 on that commit too);
    ``retry`` (how often a handler is run again after a conflict).
    """

    def __init__(self, plugin: str = "db") -> None:
        super().__init__("on_end_resource", settings)
        self._plugin = plugin

    def check_settings(self, given: Given) -> None:
        """Raise UnknownSettingError or DatabaseSettingError if one is wrong."""
        check(self._name, given)

    def check_plugin(self, name: str | None) -> None:
        """Raise DatabaseNotRunningError if there is no such plugin, or it will not run."""
        name = name or self._plugin
        if not getattr(getattr(cherrypy.engine, name, None), "will_run", False):
            raise DatabaseNotRunningError(name)

    def setup_for(self, given: Given) -> Setup:
        """Return what lends a unit of work to each request that has the settings *given*."""
        asked = {key: value for key, value in given.items() if key != "on"}
        refuse_unknown(self._name, asked, _NAMES)
        return Loan(self._name, **settings(**{"plugin": self._plugin, **asked})).lend


def settings(
    plugin: str = "db",
    handle: str = "connection",
    write: bool | None = None,
    isolation: str | None = None,
    read_only: bool = False,
    commit_on: Collection[int | str] = (),
    retry: int = 0,
) -> dict[str, Any]:
    """Return the db tool's settings; see :class:`DatabaseTool`."""
    return locals()


_NAMES = inspect.signature(settings).parameters


def check(tool: str, given: Given) -> None:
    """Raise for a setting that the tool does not have, and for a value that one cannot have.

    UnknownSettingError, DatabaseSettingError.
    """
    refuse_unknown(tool, given, _NAMES)
    handle, retry = given.get("handle", HANDLES[0]), given.get("retry", 0)
    if handle not in HANDLES:
        raise DatabaseSettingError(f"{tool}.handle", handle, f"take one of {', '.join(HANDLES)}.")
    if not isinstance(retry, int) or retry < 0:
        raise DatabaseSettingError(f"{tool}.retry", retry, "give how often to run again.")
