"""The tool that lends each request a unit of work, and ends it as the answer tells."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Collection, Mapping
from typing import Any

import cherrypy

from cpkit._unavailable import refuse, unavailable
from cpkit.errors import DatabaseNotRunningError, DatabaseSettingError
from cpkit.transactions import should_commit

from ._retry import repeating
from ._streams import carry
from ._toolbox import refuse_unknown

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1

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
        given = self._merged_args({"plugin": self._plugin})
        if not given.keys() <= _SETTINGS.keys():
            refuse_unknown(self._name, given, _SETTINGS)
        self.lend(**given)

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
        request = cherrypy.serving.request
        database = getattr(cherrypy.engine, plugin, None)
        if database is None or not database.running:
            raise DatabaseNotRunningError(plugin)
        lent = Lent(request, commit_on)
        lent.unit = database.unit(
            handle,
            write=request.method not in _SAFE if write is None else write,
            isolation=isolation,
            read_only=read_only,
            observe=lent.observe,
            refuse=refuse,
        )
        lent.unit.when_opened = lent.attend
        setattr(request, self._name, lent.unit)
        # Late: what other tools do to the answer is over, and it is still unsent, so that a commit
        # that fails becomes a 500. Failsafe: whatever those tools did, the connection comes back.
        request.hooks.attach("on_end_resource", lent.decide, failsafe=True, priority=98)
        if retry:
            # After the tools that render (30, 50): they run again with the handler. Before encode
            # (70), whose wrapper remembers which charsets it has tried.
            request.hooks.attach("before_handler", lent.repeat, priority=69, retries=retry)


_SETTINGS = dict.fromkeys(list(inspect.signature(DatabaseTool.lend).parameters)[1:])


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


class Lent:
    """Follow one request's unit of work to its end."""

    unit: Any

    def __init__(self, request: Any, commit_on: Collection[int | str]) -> None:
        self.request, self.commit_on = request, commit_on
        # An exception that is handled around this whole request is none of this request's.
        self.outer = sys.exc_info()[1]
        self.streaming = False

    def attend(self) -> None:
        """See to what was borrowed. PERF: a request that borrows nothing has no such hooks."""
        self.unit.when_opened = None
        hooks = self.request.hooks
        hooks.attach("on_end_request", self.finish, failsafe=True, priority=98)
        # Before the error page is made (and before tracebacks are logged, at 50).
        hooks.attach("before_error_response", self.explain, failsafe=True, priority=40)

    def observe(self, nanoseconds: int, count: int) -> None:
        """Tell the timing tool, if the request has it."""
        timing = getattr(self.request, "timing", None)
        if timing is not None:
            timing.add("db", nanoseconds, count)

    def repeat(self, retries: int) -> None:
        """Have the handler run again when its transaction was undone."""
        handler = self.request.handler
        if handler is not None:
            self.request.handler = repeating(self.unit, retries, handler)

    def decide(self) -> None:
        """Commit or roll back by the outcome of the request, before anything is sent."""
        response = cherrypy.serving.response
        commit = self._good(response.status)
        streams = response.stream and self.request.method != "HEAD"
        # A stream may go on with rows that its handler asked for: what only reads is kept open.
        if self.unit.write or not (streams and commit):
            self.unit.end(commit)
        if streams:
            response.body = carry(self, response.body, commit)

    def finish(self) -> None:
        """Give back what was borrowed since; only a stream that still runs may go on."""
        if self.streaming:
            return
        try:
            self.unit.end(commit=sys.exc_info()[1] is self.outer)
        finally:
            self.unit.over = True

    def explain(self) -> None:
        """Answer 503, not 500, if what failed is the database."""
        answer = unavailable(sys.exc_info()[1])
        if answer is not None:
            self.request.error_response = answer.set_response

    def _good(self, status: Any) -> bool:
        error = sys.exc_info()[1]
        if isinstance(error, cherrypy.InternalRedirect):
            return not self.unit.doomed
        failed = error is not None and error is not self.outer
        code = int(str(status)[:3]) if status else None
        return should_commit(code, failed=failed, doomed=self.unit.doomed, commit_on=self.commit_on)
