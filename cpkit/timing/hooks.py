"""A request's hooks that mark where each phase begins and ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from operator import attrgetter
from time import perf_counter_ns, time
from typing import Protocol

import cherrypy

from cpkit.cherry import Handler, Hook, HookMap, Request, Response
from cpkit.serving.sending import watch

from .phases import RequestTiming
from .server_timing import is_local, sent_with, server_timing

TRACED = "trace-request"  # the channel on which a plugin begins the trace of a timed request

Header = bool | str | Callable[[], object]

# What the core does after it has run the hooks of a point: that phase begins there.
_AFTER = {
    "on_start_resource": "body",  # the query string, then the body
    "before_request_body": "body",
    "before_handler": "handler",
    "before_finalize": "finalize",
    "on_end_resource": "log",
    "before_error_response": "error",
    "after_error_response": "error",
}
# The timings of the requests that have begun and not ended; forgotten if more are in it than can
# be, since a server that drops requests without closing them would fill it.
IN_PROGRESS: set[RequestTiming] = set()
_MOST_IN_PROGRESS = 10_000

# CherryPy's answers, which it doesn't log as errors.
_ANSWERS = (cherrypy.HTTPError, cherrypy.HTTPRedirect, cherrypy.InternalRedirect)


class TimedRequest(Request, Protocol):
    """A request that the timing tool is on for."""

    timing: RequestTiming
    timed_handler: Handler | None  # what the dispatcher found: a tool may put another in its place


def begin(header: Header, request: TimedRequest) -> None:
    """Put timed hooks in the place of the request's own (runs when dispatch is done)."""
    # PERF: not by calling the class, whose constructors are Python functions.
    # NOTE: the lists are shared: who holds the request's old hooks can still add to them.
    hooks: TimedHooks = dict.__new__(TimedHooks)
    hooks.update(request.hooks)
    hooks.header, hooks.kept = header, None
    hooks.timing = request.timing = RequestTiming(_phases_until_now(request))
    if len(IN_PROGRESS) >= _MOST_IN_PROGRESS:
        IN_PROGRESS.clear()
    IN_PROGRESS.add(request.timing)
    request.hooks = hooks
    request.timed_handler = request.handler
    # PERF: called, not published to: the bus sorts its listeners and gathers what they return.
    for begin_trace in cherrypy.engine.listeners.get(TRACED, ()):
        begin_trace(request, request.timing)


def _phases_until_now(request: TimedRequest) -> list[str | int]:
    marks: list[str | int]
    now = perf_counter_ns()
    started = began(cherrypy.serving.response.time, now)
    dispatched = request.__dict__.get("dispatch_started")  # PERF: not looked up in the classes too
    if dispatched is None:
        marks = ["dispatch", started, "tools", now]
    else:
        marks = ["start", started, "dispatch", max(started, dispatched), "tools", now]
    if request.prev is not None and hasattr(request.prev, "timing"):
        # An InternalRedirect: one request to the client, two to CherryPy.
        marks[:0] = ("redirect", min(request.prev.timing.started, started))
    return marks


def began(at: float, now: int) -> int:
    """Return what ``perf_counter_ns``, which is *now*, was when ``time.time()`` was *at*.

    CherryPy reads the wall clock when a request comes, before anything else can read another.
    """
    ago = time() - at
    return now - int(ago * 1e9) if ago > 0 else now


class TimedHooks(HookMap):
    """The hooks of a request, which mark where each phase begins and ends.

    The core itself calls :meth:`run` at every point, before_finalize perhaps twice, so that no
    priority of another tool can come before the mark or after it.
    """

    __slots__ = ("header", "kept", "timing")  # PERF: a dict of attributes is not even made
    header: Header
    kept: str | None  # the field that the application set itself, before an error
    timing: RequestTiming

    def __copy__(self) -> TimedHooks:
        """Return hooks that mark the same request, and to which others can be added."""
        copied: TimedHooks = super().__copy__()
        copied.header, copied.kept, copied.timing = self.header, self.kept, self.timing
        return copied

    copy = __copy__

    def run(self, point: str) -> None:
        """Run the hooks of *point*, as CherryPy does, and bill them to "tools"."""
        timing, hooks = self.timing, self[point]
        after = _AFTER.get(point)
        if after is None:  # the end, or a point that is not CherryPy's: billed to nothing
            if point == "on_end_request":
                timing.ended = timing.ended or perf_counter_ns()
                IN_PROGRESS.discard(timing)
            if hooks:
                HookMap.run(self, point)
            return
        # PERF: CherryPy sorts and iterates the hooks of a point even where there are none, which
        # takes longer than all that is done here.
        marks = timing.marks
        if hooks:
            marks += ("tools", perf_counter_ns())
            _run_hooks(hooks)
        elif point == "before_request_body":
            return  # the phase is "body" already
        marks += (after, perf_counter_ns())
        if after == "log":
            self._send_on(cherrypy.serving.response)
        elif after == "error":
            self._put_in_error(cherrypy.serving.response)

    def _send_on(self, response: Response) -> None:
        """Add the header to what is sent, and watch the sending."""
        fields = response.header_list
        if fields is None:  # an unexpected error: handle_error is still to come
            return
        header = self.header
        shown = header is True or (bool(header) and _is_wanted(header))
        response.header_list = sent_with(fields, self.timing, shown)
        watch(response, self.timing)

    def _put_in_error(self, response: Response) -> None:
        """Add the header to the page of an unexpected error, which is about to be finalized.

        NOTE: run twice, since a redirect from an error page never comes to the second point.
        """
        if not _is_wanted(self.header):
            return
        if self.kept is None:
            self.kept = response.headers.get("Server-Timing", "")
        ours = server_timing(self.timing).decode("ascii")
        response.headers["Server-Timing"] = f"{self.kept}, {ours}" if self.kept else ours


def _is_wanted(header: Header) -> bool:
    if header is True or header is False:
        return header
    if not callable(header):
        return is_local(cherrypy.serving.request.wsgi_environ)
    try:
        return bool(header())
    except Exception:
        cherrypy.log("The timing header's predicate failed", "TOOLS.TIMING", traceback=True)
        return False


def _run_hooks(hooks: list[Hook]) -> None:
    """Run *hooks* by priority; after one that fails, only those that are failsafe.

    PERF: HookMap.run prepares for failures that seldom come, for as long as the usual hooks take.
    """
    waiting = iter(sorted(hooks))
    for hook in waiting:
        try:
            hook()
        except Exception as error:
            if not isinstance(error, _ANSWERS):
                cherrypy.log(traceback=True, severity=logging.ERROR)
            HookMap.run_hooks(filter(attrgetter("failsafe"), waiting))
            raise
