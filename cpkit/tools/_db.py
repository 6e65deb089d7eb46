"""The tool that lends each request a unit of work, and ends it as the answer tells."""

from __future__ import annotations

import cherrypy

from cpkit.database.requests import Loan, LoanSettings
from cpkit.errors import DatabaseNotRunningError
from cpkit.settings import Given

from ._toolbox import Setup, Tool, keywords_of


class DatabaseTool(Tool[LoanSettings]):
    """Lend each request one transaction, committed or rolled back by its outcome.

    For a further database make a further tool: ``toolbox.reports = DatabaseTool("reports")`` lends
    ``cherrypy.engine.reports`` as ``cherrypy.request.reports`` where ``cpkit.reports.on``.

    Config: ``cpkit.db.on``; ``plugin`` ("db": the database is ``cherrypy.engine.db``);
    ``handle`` ("connection", "session" or "dbapi"); ``write`` (None: the method tells);
    ``isolation``; ``read_only``; ``commit_on`` (statuses from 400 on that commit too);
    ``retry`` (how often a handler is run again after a conflict).
    """

    __call__ = keywords_of(LoanSettings)
    deciding = ("on", "plugin")

    def __init__(self, plugin: str = "db") -> None:
        super().__init__("on_end_resource", LoanSettings)
        self._plugin = plugin

    def check_whole(self, given: Given) -> None:
        """Raise DatabaseNotRunningError if there is no such plugin, or it will not run."""
        name = given.get("plugin") or self._plugin
        if not getattr(getattr(cherrypy.engine, name, None), "will_run", False):
            raise DatabaseNotRunningError(name)

    def setup_for(self, settings: LoanSettings) -> Setup:
        """Return what lends a unit of work to each request that has these *settings*."""
        return Loan(self._name, self._plugin, settings).lend
