"""A unit of work for each request, made when it is first used, and ended as the answer tells."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Literal, get_args

import cherrypy

from cpkit.cherry import Hook
from cpkit.errors import DatabaseNotRunningError
from cpkit.settings import WHOLE, ToolSettings, one_of, setting

from .outcome import should_commit
from .retry import repeating
from .streams import carry
from .unavailable import refuse, unavailable

_BOTH = (True, False)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1


Handle = Literal["connection", "session", "dbapi"]


@dataclass(frozen=True, kw_only=True)
class LoanSettings(ToolSettings):
    """The settings of the db tool."""

    plugin: str | None = setting(None, "the database is `cherrypy.engine.<plugin>`")
    handle: Handle = setting("connection", "what is lent", one_of(*get_args(Handle)))
    write: bool | None = setting(None, "whether the request writes; the method tells, unless set")
    isolation: str | None = setting(None, "the isolation level")
    read_only: bool = setting(False, "whether the request may never write")
    commit_on: Collection[int | str] = setting((), "statuses from 400 on that commit too")
    retry: int = setting(0, "how often a handler is run again after a conflict", WHOLE)


class Loan:
    """Lend units of work on the terms of one configuration, and follow each to its end.

    PERF: what all requests have in common is made once, the hooks among it: they find the unit
    on the request that is served.
    """

    def __init__(self, name: str, plugin: str, settings: LoanSettings) -> None:
        self._name, self._key = name, f"_cpkit_{name}"
        self._plugin = settings.plugin or plugin
        self._commit_on, self._retry = settings.commit_on, settings.retry
        # Late: what other tools do to the answer is over, and it is still unsent, so that a commit
        # that fails becomes a 500. Failsafe: whatever those tools did, the connection comes back.
        self._ending = Ending(self.decide, failsafe=True, priority=98)
        self._ending.key = self._key
        self._finishing = Hook(self.finish, failsafe=True, priority=98)
        # Before the error page is made (and before tracebacks are logged, at 50).
        self._explaining = Hook(self.explain, failsafe=True, priority=40)
        # After the tools that render (30, 50): they run again with the handler. Before encode
        # (70), whose wrapper remembers which charsets it has tried.
        self._repeating = Hook(self.repeat, priority=69)

        self._terms: dict[str, Any] = {
            "handle": settings.handle,
            "write": settings.write,
            "isolation": settings.isolation,
            "read_only": settings.read_only,
        }
        self._take(self._current)
        writing, reading = untouched(self, writes=True), untouched(self, writes=False)
        self._writing, self._lent = writing, dict.fromkeys(_SAFE, reading)

    @property
    def _current(self) -> Any:
        return getattr(cherrypy.engine, self._plugin, None)

    def _take(self, database: Any) -> None:
        """Lend from *database* from now on. Raise DatabaseNotRunningError if it does not run."""
        if database is None or not database.running:
            raise DatabaseNotRunningError(self._plugin)
        self._units = {writes: self._unit(database, writes, **self._terms) for writes in _BOTH}
        self._database = database

    def _unit(
        self, database: Any, writes: bool, *, handle: str, write: bool | None, **terms: Any
    ) -> Any:
        """Return a unit of which to make those of requests that write, or only read."""
        unit = database.unit(handle, observe=_observe, refuse=refuse, **terms)
        # Whether the whole database is only read is asked at its first use.
        unit.write = writes if write is None else write
        return unit

    def unit(self, writes: bool) -> Any:
        """Return what a unit is made of, for a request that *writes* by its method, or not."""
        database = self._current
        if database is not self._database:
            self._take(database)
        return self._units[writes]

    def lend(self, request: Any) -> None:
        """Put a unit of work on the request."""
        known = request.__dict__
        lent: Any = self._lent.get(known["method"], self._writing)()
        known[self._name] = known[self._key] = lent
        outer = sys.exc_info()[1]
        if outer is not None:
            lent.outer = outer
        known["hooks"]["on_end_resource"].append(self._ending)
        if self._retry:
            request.hooks["before_handler"].append(self._repeating)

    def attend(self, unit: Any) -> None:
        """See to a unit that is used from now on."""
        request = cherrypy.serving.request
        if vars(request).get(self._key) is unit:  # else another thread uses it: see decide()
            request.hooks["on_end_request"].append(self._finishing)
            request.hooks["before_error_response"].append(self._explaining)

    def repeat(self) -> None:
        """Have the handler run again when its transaction was undone."""
        request = cherrypy.serving.request
        if request.handler is not None:
            unit = vars(request)[self._key]
            request.handler = repeating(unit, self._retry, request.handler)

    def decide(self, request: Any, unit: Any) -> None:
        """Commit or roll back by the outcome of the request, before anything is sent."""
        response = cherrypy.serving.response
        if self._finishing not in request.hooks["on_end_request"]:
            self.attend(unit)
        commit = self._good(unit, response.status)
        streams = response.stream and request.method != "HEAD"
        # A stream may go on with rows that its handler asked for: what only reads is kept open.
        if unit.write or not (streams and commit):
            unit.end(commit)
        if streams:
            response.body = carry(unit, response.body, commit)

    def finish(self) -> None:
        """Give back what was borrowed since; only a stream that still runs may go on."""
        unit = vars(cherrypy.serving.request)[self._key]
        if unit.streaming:
            return
        try:
            if unit.opened:
                unit.end(commit=sys.exc_info()[1] is unit.outer)
        finally:
            unit.over = True

    def explain(self) -> None:
        """Answer 503, not 500, if what failed is the database."""
        answer = unavailable(sys.exc_info()[1])
        if answer is not None:
            cherrypy.serving.request.error_response = answer.set_response

    def _good(self, unit: Any, status: Any) -> bool:
        # An exception that is handled around this whole request is none of this request's.
        error = sys.exc_info()[1]
        if isinstance(error, cherrypy.InternalRedirect):
            return not unit.doomed
        failed = error is not None and error is not unit.outer
        code = int(str(status)[:3]) if status else None
        return should_commit(code, failed=failed, doomed=unit.doomed, commit_on=self._commit_on)


class Ending(Hook):
    """Be the hook at the end of a resource. PERF: without the call of another function."""

    key: str

    def __call__(self) -> None:
        """Decide about a unit that was used, or that a stream may come to use."""
        serving = cherrypy.serving
        request = serving.request
        unit = request.__dict__[self.key]
        if not isinstance(unit, Untouched) or serving.response.stream:
            self.callback(request, unit)


class Untouched:
    """Stand for a unit of work on a request until somebody uses it, and become that unit then.

    PERF: most of the cost of a unit is the making of it, and not every request needs one. The
    class is changed in place, so that whoever holds this object holds the unit.
    """

    def __getattr__(self, name: str) -> Any:
        """Become the unit, and return its attribute *name*."""
        return getattr(_touch(self), name)

    def __contains__(self, item: object) -> bool:
        """Become the unit, and tell whether its ORM session holds *item*."""
        return item in _touch(self)

    def __enter__(self) -> Any:
        """Become the unit, and enter its block."""
        return _touch(self).__enter__()

    def __exit__(self, *error: Any) -> None:
        """Be allowed in a ``with`` block: by its end this is the unit."""


def untouched(loan: Loan, *, writes: bool) -> type[Untouched]:
    """Return a class whose instances become units of *loan*. PERF: they need no attributes."""
    return type("Untouched", (Untouched,), {"_terms": (loan, writes)})


def _touch(lent: Any) -> Any:
    terms = vars(type(lent)).get("_terms")
    if terms is not None:  # else another thread has just done it
        loan, writes = terms
        unit = loan.unit(writes)
        vars(lent).update(vars(unit))
        lent.write = lent.write and not lent.plugin.read_only
        lent.__class__ = unit.__class__
        loan.attend(lent)
    return lent


def _observe(nanoseconds: int, count: int) -> None:
    """Tell the timing tool, if the request has it."""
    timing = vars(cherrypy.serving.request).get("timing")
    if timing is not None:
        timing.add("db", nanoseconds, count)
