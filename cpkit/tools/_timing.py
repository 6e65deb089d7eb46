"""The timing tool: what each request spent its time on, whatever other tools do."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any, ClassVar

import cherrypy
from cherrypy._cprequest import HookMap

from ..errors import TimingSettingError
from ..loopback import is_local
from ..spans import Timing, server_timing
from ..telemetry.labels import route_of, status_of
from ..telemetry.slowest import RateLimit, log_line, record_of

Header = bool | str | Callable[[], Any]

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


class TimedHooks(HookMap):
    """Stand in the place of a request's hooks and mark where each phase begins and ends.

    The core itself calls :meth:`run` at every point, before_finalize perhaps twice, so that no
    priority of another tool can come before the mark or after it.
    """

    timing: Timing
    header: Header
    slow: float | None
    rate: RateLimit
    kept: str | None = None

    def run(self, point: str) -> None:
        """Run the hooks of *point*, as CherryPy does, and bill them to "tools"."""
        if point == "on_end_request":
            self._end()
            return
        # PERF: CherryPy sorts and iterates even where no tool has a hook.
        if self[point]:
            self.timing.mark("tools")
            super().run(point)
        if point in _AFTER:
            self.timing.mark(_AFTER[point])
        if point in self._SENDING:
            self._SENDING[point](self)

    def _end(self) -> None:
        """Stop the clock, run the last hooks, log a slow request."""
        self.timing.stop()
        try:
            super().run("on_end_request")
        finally:
            if self.slow is not None and self.timing.total > self.slow:
                self._log_slow()

    def _log_slow(self) -> None:
        request, response = cherrypy.serving.request, cherrypy.serving.response
        status = status_of(response)
        held_back = None if status is None else self.rate.admit()
        if status is None or held_back is None:
            return
        record = record_of(
            self.timing,
            request.method,
            route_of(request, request.timed_handler),
            request.script_name + request.path_info,
            status,
            request.headers.get("Traceparent", ""),
        )
        more = f" held_back={held_back}" if held_back else ""
        cherrypy.log(f"slow request: {log_line(record)}{more}", "TIMING", logging.WARNING)

    def _send_on(self) -> None:
        """Add the header to what is sent, and have the sending marked.

        NOTE: not to response.headers, which the caching tool stores and serves to others.
        """
        response = cherrypy.serving.response
        if response.header_list is None:  # an unexpected error: handle_error is still to come
            return
        if self._is_wanted():
            value = server_timing(self.timing).encode("ascii")
            response.header_list.append((b"Server-Timing", value))
        response.header_list = SentHeaders(response.header_list)
        response.header_list.timing = self.timing

    def _put_in_error(self) -> None:
        """Add the header to the page of an unexpected error, which is about to be finalized.

        NOTE: run twice, since a redirect from an error page never comes to the second point.
        """
        if self._is_wanted():
            headers = cherrypy.serving.response.headers
            if self.kept is None:
                self.kept = headers.get("Server-Timing", "")
            ours = server_timing(self.timing)
            headers["Server-Timing"] = f"{self.kept}, {ours}" if self.kept else ours

    def _is_wanted(self) -> bool:
        if not callable(self.header):
            return bool(self.header) and (self.header is True or self._is_local())
        try:
            return bool(self.header())
        except Exception:
            cherrypy.log("The timing header's predicate failed", "TOOLS.TIMING", traceback=True)
            return False

    def _is_local(self) -> bool:
        return is_local(cherrypy.serving.request.wsgi_environ)

    _SENDING: ClassVar = {
        "on_end_resource": _send_on,
        "before_error_response": _put_in_error,
        "after_error_response": _put_in_error,
    }


class SentHeaders(list[tuple[bytes, bytes]]):
    """Hold a response's header fields, and mark when the server comes to fetch them.

    That is after the access log was written: the one place between them that can be seen.
    """

    timing: Timing

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Begin the phase "stream" and return an iterator over the fields."""
        self.timing.mark("stream")
        return super().__iter__()


class TimingTool(cherrypy.Tool):
    """Time the phases of a request and offer them as ``cherrypy.request.timing``.

    Config keys, under ``cpkit.timing.``:

    - ``on``: True switches it on; it never changes a request's status
    - ``header``: send Server-Timing: False (the default, since timings tell), True, ``"local"``
      for clients on this machine, or a callable without arguments that decides by the request
    - ``slow``: seconds from which on a request is logged with its phases, as logfmt in
      milliseconds, with the trace id of its ``traceparent`` field; None (the default): never.
      ``cpkit.tools.timing.slow_rate`` limits the lines: 10 a minute.
    """

    def __init__(self) -> None:
        super().__init__("on_start_resource", timing)
        self.slow_rate = RateLimit(count=10, seconds=60)

    def _setup(self) -> None:
        """Put timed hooks in the place of the request's own (runs when dispatch is done)."""
        request = cherrypy.serving.request
        hooks = TimedHooks()
        hooks.update(request.hooks)
        hooks.header, hooks.slow = timing(**self._merged_args())
        hooks.rate = self.slow_rate
        request.timed_handler = request.handler
        request.timing = hooks.timing = _begin(request)
        request.hooks = hooks


def timing(header: Header = False, slow: float | None = None) -> tuple[Header, float | None]:
    """Return the timing tool's settings; see :class:`TimingTool`.

    Raise TimingSettingError for a value that they cannot have.
    """
    if not (isinstance(header, bool) or header == "local" or callable(header)):
        raise TimingSettingError("header", header, 'True, False, "local" or a callable')
    if slow is not None and (isinstance(slow, bool) or not isinstance(slow, int | float)):
        raise TimingSettingError("slow", slow, "a number of seconds, or None")
    return header, slow


def _begin(request: Any) -> Timing:
    """Return a timing that began when the request did, with the phases that are over."""
    now = perf_counter_ns()
    started = getattr(request, "started", None)
    if started is None:  # no plugin on the bus: CherryPy's own, coarser, reading is as early
        started = now - max(0, int((time.time() - cherrypy.serving.response.time) * 1e9))
    dispatched = getattr(request, "dispatch_started", None)
    previous = getattr(request.prev, "timing", None)
    phase = "dispatch" if dispatched is None else "start"
    if previous is None:
        begun = Timing(started, phase)
    else:  # an InternalRedirect: one request to the client, two to CherryPy
        begun = Timing(previous.started, "redirect")
        begun.mark(phase, max(started, previous.started))
    if dispatched is not None:
        begun.mark("dispatch", max(started, dispatched))
    begun.mark("tools", now)
    return begun
