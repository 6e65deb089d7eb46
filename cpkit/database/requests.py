"""A unit of work for each request, made when it comes, and ended as the answer tells."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import cherrypy
from cherrypy.lib.cptools import log_traceback

from cpkit.cherry import Hook, Request, Response
from cpkit.errors import (
    DatabaseNotRunningError,
    DatabaseUnavailableError,
    UnitOverError,
    handled,
)
from cpkit.logs.printable import printable
from cpkit.serving.derived import DerivedBody, close

from .error_pages import ErrorPages, makes_error_page
from .retry import BORROWED, COMMITTED, UNIT_KEY, is_out, repeating, units_of
from .terms import UNIT, LoanSettings, Terms, listed, should_commit
from .unavailable import ServiceUnavailable, say_seldom, unavailable
from .unit import Unit

if TYPE_CHECKING:
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

    from .database import Database

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})  # RFC 9110, 9.2.1

_keys: list[str] = []  # by which requests know their units; other threads may add to it


class Plugin(Protocol):
    """What stands on the bus for a database."""

    database: Database

    def unit_of_request(self, handle: str) -> type[Lent]:
        """Return the class of the units that lend *handle* to requests."""


class Loan:
    """What one configuration lends to requests: a unit of work each.

    PERF: what all requests have in common is made once.
    """

    def __init__(self, name: str, plugin: str, settings: LoanSettings) -> None:
        self._name, self.key = name, UNIT_KEY + name
        if self.key not in _keys:
            _keys.append(self.key)
        self._plugin, self._settings = settings.plugin or plugin, settings
        self._retries = settings.retry
        commit_on = frozenset(listed(settings.commit_on))
        self._kept = {it for it in range(100, 600) if should_commit(it, commit_on=commit_on)}
        # Before the error page is made (and before tracebacks are logged, at 50).
        self._explaining = Hook(self.explain, failsafe=True, priority=40)
        # After the tools that render (30, 50): they run again with the handler. Before encode
        # (70), whose wrapper remembers which charsets it has tried.
        self._repeating = Hook(self.repeat, priority=69)
        self._take(vars(cherrypy.engine).get(self._plugin))

    def _take(self, plugin: Plugin | None) -> None:
        """Lend from *plugin*'s database. Raise DatabaseNotRunningError if it does not run."""
        if plugin is None or not plugin.database.running:
            raise DatabaseNotRunningError(self._plugin)
        given = self._settings
        self._lender, self._database = plugin, plugin.database
        self._kind = plugin.unit_of_request(given.handle)
        asked = given.isolation, given.read_only, given.set_local
        self._reading = Terms(bool(given.write), *asked)
        self._writing = Terms(given.write is None or bool(given.write), *asked)
        self._never = Terms(False, *asked)  # for a database of which all is only read

    # ------------------------------ the request begins ------------------------------

    def lend(self, request: Request) -> None:
        """Put a unit of work on the request."""
        known = request.__dict__
        plugin = cherrypy.engine.__dict__.get(self._plugin)
        if plugin is not self._lender:
            self._take(plugin)
        terms = self._reading if known["method"] in SAFE else self._writing
        if terms.write and self._database.settings.read_only:
            terms = self._never
        known[self._name] = known[self.key] = unit = self._kind(self._database, terms, self)
        outer = handled()
        if outer is not None:
            unit.outer = outer
        if known["error_page"]:
            unit.follow_pages(known)
        hooks = known["hooks"]
        hooks["on_end_resource"].append(unit)
        hooks["before_error_response"].append(self._explaining)
        if self._retries:
            hooks["before_handler"].append(self._repeating)
            unit.end_with(known)  # now, for hooks that the handler adds are taken away again

    def repeat(self) -> None:
        """Have the handler run again when its transaction was undone."""
        request = cherrypy.serving.request
        if request.handler is not None:
            unit = vars(request)[self.key]
            handler = request.handler
            request.handler = repeating(unit, self._retries, handler, self.keeps)

    # ------------------------------ the request ends ------------------------------

    def explain(self) -> None:
        """Answer 503, not 500, if what failed is the database; have no log tell values."""
        error = handled()
        # NOTE: what rows, streams and copies fail with as they are read passes no unit.
        self._database.backend.hide(error)
        unit: Lent = vars(cherrypy.serving.request)[self.key]
        if unit.late:  # what failed did so after the answer was made: a later hook
            unit.turn_to_page(commit=False)
        answer = unavailable(error)
        request: Request = cherrypy.serving.request
        if answer is None:
            if request.error_response is not None:
                request.error_response = partial(unit.undo_if_it_fails, request.error_response)
        else:
            request.error_response = answer.set_response
            for hook in request.hooks["before_error_response"]:
                # NOTE: CherryPy makes the hooks of its own tools anew for each request.
                if hook.callback is log_traceback:
                    hook.callback = partial(say_seldom, error)

    def keeps(self, unit: Unit, status: int) -> bool:
        """Tell whether the answer *status* means that the work of *unit* is to be kept."""
        return not unit.doomed and status in self._kept


class Lent(Hook, Unit):
    """A unit of work that a request has, and the hook that ends it.

    PERF: the hook finds its unit at once, and no further object is made for a request.
    """

    # Late: what other tools do to the answer is over, and it is still unsent, so that a commit
    # that fails becomes a 500. Failsafe: whatever those tools did, the connection comes back.
    priority, failsafe = 98, True

    streaming = False  # its request's body goes on with it
    outer: BaseException | None = None  # handled around the whole request, and none of its own
    _ends_with_request = False  # its second call is asked for
    _used_late = False

    def __init__(self, lender: Database, terms: Terms, loan: Loan) -> None:
        self._lender, self.terms, self._loan, self._mutexes = lender, terms, loan, []

    def __call__(self) -> None:
        """End what was done until the answer is made; at the request's end, what came since."""
        serving = cherrypy.serving
        known = serving.request.__dict__
        if not known["closed"]:
            # A unit was used, a stream may come to use it, or there is an error to explain.
            if self.used or handled() is not None or serving.response.stream:
                self.end_with(known)  # first, for what another thread does may have this fail
                self._decide(known, serving.response)
            self.late = True
            # PERF: else nothing is to be ended any more. Late first: another thread that begins
            # to use it notes that before it looks whether it is late.
            if self.used or known["hooks"]["on_end_request"]:
                self.end_with(known)
        elif not self.streaming:  # only a stream that still runs may go on
            try:
                if self._used_late:
                    error = handled()  # a redirect inside, as the request ends that it leaves
                    good = error is self.outer or isinstance(error, cherrypy.InternalRedirect)
                    self.end(good)
            finally:
                self.retire()

    def end_with(self, known: dict[str, Any]) -> None:
        """Be over with the request that *known* belongs to; UnitOverError if that has ended."""
        if not self._ends_with_request:
            if known["closed"]:
                raise UnitOverError
            self._ends_with_request = True
            known["hooks"]["on_end_request"].append(self)

    def end_before_page(self) -> None:
        """End what the handler did before its error page is made, which may use the unit too."""
        if self.late:
            return
        self.late = True
        if self.used:
            status = int(str(cherrypy.serving.response.status or 0)[:3])
            self.turn_to_page(self._loan.keeps(self, status))

    def turn_to_page(self, commit: bool) -> None:
        """Commit or roll back; the page of an error goes on with the objects of a session."""
        self.turn(commit)
        self._used_late = True

    def undo_if_it_fails(self, respond: Callable[[], object]) -> None:
        """Have *respond* answer an error; CherryPy answers 500 if that fails as well."""
        try:
            respond()
        except cherrypy.HTTPRedirect:
            raise
        except BaseException:
            self.end(commit=False)
            raise

    def follow_pages(self, known: dict[str, Any]) -> None:
        """Be ended before an error page is made of the request that *known* belongs to."""
        pages = known["error_page"]
        if type(pages) is not ErrorPages:
            known["error_page"] = pages = ErrorPages(pages)
            pages.ending = [self]  # PERF: no __init__() in Python
        elif self not in pages.ending:
            pages.ending.append(self)

    def _decide(self, known: dict[str, Any], response: Response) -> None:
        """Commit or roll back by the outcome of the request, before anything is sent."""
        if known["error_page"]:  # another thread has used it
            self.follow_pages(known)
        error, of_page = handled(), self.late
        if error is self.outer:
            error = None
        self.late = True  # first, so that no other thread begins anew what ends now
        good = error is None and (of_page or self._is_kept(response))
        if error is None or isinstance(error, cherrypy.InternalRedirect):
            commit = good if error is None else not self.doomed
            streams = response.stream and known["method"] != "HEAD"
            # A stream goes on with the rows, and the objects, that its handler asked for.
            self.end(commit, pause=streams and commit)
            if streams:
                response.body = carry(self, response.body, commit)
        else:
            self.turn_to_page(commit=False)

    def _is_kept(self, response: Response) -> bool:
        """Tell whether the answer that is sent means that the work is to be kept."""
        # NOTE: what an on_end_resource hook makes of the status is not sent any more.
        sent = getattr(response, "output_status", None) or b""
        return self._loan.keeps(self, int(sent[:3] or 0))

    def end_without_hooks(self) -> None:
        """End what no hook of the request's has, or may not come to."""
        if not self.late:  # the handler has taken the hook away
            self.late = True
            if self.used:
                self.end(self._is_kept(cherrypy.serving.response))
        elif self._used_late and not self.streaming:
            self.end(commit=True)

    def _use(self) -> None:
        """Note that the unit is used; raise UnitOverError if it may not be any more."""
        if self.over:
            raise UnitOverError
        if self.used and not self.late:
            return
        self.used, known = True, cherrypy.serving.request.__dict__
        if known.get(self._loan.key) is self:
            self.late = self.late or (bool(known["error_page"]) and makes_error_page())
            self.end_with(known)
            self._used_late = self.late
            self.follow_pages(known)  # those too that the handler is about to set
            timing = known.get("timing")
            if timing is not None:
                self.observe = timing.add
        elif self.late and not self.streaming:  # another thread uses it, or outlived the request
            raise UnitOverError

    def _end_block(self, good: bool) -> None:
        """Go on, to be committed by the answer."""
        if not good:
            self.rollback()

    def refusal(self, error: DatabaseUnavailableError) -> Exception:
        return ServiceUnavailable(error.retry_after)


class RunningPlugin(Protocol):
    """A plugin that opens a database, as far as the check at the start asks it."""

    @property
    def url(self) -> str | None:
        """Return the database's URL."""

    @property
    def read_only(self) -> bool:
        """Tell whether the database is only read."""


def plugin_that_runs(name: str) -> RunningPlugin:
    """Return ``cherrypy.engine.<name>``. Raise DatabaseNotRunningError if it will not run."""
    plugin: Any = vars(cherrypy.engine).get(name)
    if not getattr(plugin, "will_run", False):
        raise DatabaseNotRunningError(name)
    found: RunningPlugin = plugin
    return found


def carry(unit: Lent, body: Iterable[bytes], commit: bool) -> DerivedBody[bytes]:
    """Return *body*; *commit* what it does when it ends, undo it if it fails or is left.

    The commit comes before the end of the body is sent: if it fails, the client sees a body that
    was cut off. When the client has gone, the body is closed after the request's last hook, so it
    holds the unit itself and not ``cherrypy.request``.
    """
    return DerivedBody(_carried(unit, body, commit), body)


def _carried(unit: Lent, body: Iterable[bytes], commit: bool) -> Generator[bytes, None, None]:
    unit.streaming = left = True
    try:
        for chunk in body:
            unit.rest()
            yield chunk
        left = False
        close(body)  # which may write, too
        unit.end(commit)
    finally:
        try:
            if left:
                close(body)
        finally:
            try:
                unit.end(commit=False)
            finally:
                unit.retire()


# ------------------------------ connections taken from the engine itself ----------------------


def note_borrower(record: ConnectionPoolEntry, pooled: PoolProxiedConnection) -> None:
    """Remember on the request being served that it took this connection."""
    request = cherrypy.serving.__dict__.get("request")  # PERF: no proxy, None outside of requests
    if request is not None:
        request.__dict__.setdefault(BORROWED, []).append((record, pooled))


def note_commit() -> None:
    """Remember on the request being served that a unit of its handler's own has committed."""
    request = cherrypy.serving.__dict__.get("request")
    if request is not None:
        request.__dict__[COMMITTED] = True


def take_back(log: Callable[[str, int], object]) -> None:
    """Give back what the request that ends has not.

    NOTE: what runs when the request is published as ended may fail, and then CherryPy does not
    run its last hooks; a handler may have put other hooks in their place. So units are ended here
    as well, whichever thread has used them, or is about to.
    """
    request = cherrypy.serving.request
    known = request.__dict__
    for unit in filter(None, map(known.get, _keys)):
        unit.end_without_hooks()
    for record, pooled in known.pop(BORROWED, ()):
        if is_out(record, pooled) and UNIT not in record.info:
            pooled.close()
            line = printable(request.request_line.partition("?")[0])
            log(f"{line} kept a connection: taken back.", 30)


def leave_to_parent() -> None:
    """Have nothing used, in a process forked by a request, of what its parent goes on with."""
    for unit in units_of(cherrypy.serving.request):
        unit.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=leave_to_parent)
