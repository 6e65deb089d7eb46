"""The tool that lends each request a unit of work, and ends it as the answer tells."""

from __future__ import annotations

from cpkit.cherry import Served
from cpkit.database.replica import DividedLoan
from cpkit.database.requests import Loan, plugin_that_runs
from cpkit.database.terms import LoanSettings
from cpkit.errors import SettingError
from cpkit.settings import Given

from ._toolbox import Setup, Tool, keywords_of


class DatabaseTool(Tool[LoanSettings]):
    """Lend each request one transaction, committed or rolled back by its outcome.

    For a further database make a further tool: ``toolbox.reports = DatabaseTool("reports")`` lends
    ``cherrypy.engine.reports`` as ``cherrypy.request.reports`` where ``cpkit.reports.on``.

    Config: ``cpkit.db.on``; ``plugin`` ("db": the database is ``cherrypy.engine.db``);
    ``read_plugin`` (a replica, for the requests that only read);
    ``handle`` ("connection", "session" or "dbapi"); ``write`` (None: the method tells);
    ``isolation``; ``read_only``; ``set_local`` (PostgreSQL's settings for each transaction);
    ``commit_on`` (statuses from 400 on that commit too);
    ``retry`` (how often a handler is run again after a conflict).
    """

    __call__ = keywords_of(LoanSettings)
    deciding = ("on", "plugin", "read_plugin", "set_local")

    def __init__(self, plugin: str = "db") -> None:
        super().__init__("on_end_resource", LoanSettings)
        self._plugin = plugin

    def check_whole(self, given: Given) -> None:
        """Raise DatabaseNotRunningError if there is no such plugin, or it will not run.

        Raise SettingError if a plugin is to be its own replica, or has no such settings to set.
        """
        name, read_from = given.get("plugin") or self._plugin, given.get("read_plugin")
        for each in (name, read_from or name):
            plugin = plugin_that_runs(each)
            if given.get("set_local") and not str(plugin.url).startswith("postgresql"):
                remedy = f"only PostgreSQL has such settings, and cherrypy.engine.{each} is none."
                raise SettingError("set_local", list(given["set_local"]), remedy)
        if read_from == name:
            remedy = (
                "the other requests use it as well: name another plugin, or None for no replica."
            )
            raise SettingError("read_plugin", read_from, remedy)

    def check_handler(self, served: Served) -> None:
        """Raise SettingError for a handler that is to be run again, and streams its body."""
        config = served.config
        retry = self.given_in(config).get("retry")
        if retry and config.get("response.stream"):
            remedy = (
                f"{self.namespace}.{self._name}.retry runs a handler again, and response.stream "
                "sends its body while it is made: set one of them to 0 there."
            )
            raise SettingError("retry", retry, remedy)

    def setup_for(self, settings: LoanSettings) -> Setup:
        """Return what lends a unit of work to each request that has these *settings*."""
        kind = Loan if settings.read_plugin is None else DividedLoan
        return kind(self._name, self._plugin, settings).lend
