"""The timing tool: what each request spent its time on, whatever other tools do."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from time import perf_counter_ns
from typing import Any, NamedTuple

import cherrypy
from cherrypy._cprequest import Hook, HookMap

from ..errors import TimingSettingError
from ..loopback import is_local
from ..spans import Timing, server_timing
from ..telemetry.labels import route_of, status_of
from ..telemetry.slowest import RateLimit, log_line, record_of
from ._toolbox import refuse_unknown

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
    """Be a request's hooks, and mark where each phase begins and ends.

    The core itself calls :meth:`run` at every point, before_finalize perhaps twice, so that no
    priority of another tool can come before the mark or after it.
    """

    options: Options
    timing: Timing
    kept: str | None = None

    def run(self, point: str) -> None:
        """Run the hooks of *point*, as CherryPy does, and bill them to "tools"."""
        after = _AFTER.get(point)
        if after is None:
            self._run_other(point)
            return
        # PERF: marks are added here, without a call; and CherryPy sorts and iterates the hooks of
        # a point even where there are none, which takes longer than all that is done here.
        timing, hooks = self.timing, self[point]
        if hooks:
            timing.names.append("tools")
            timing.clocks.append(perf_counter_ns())
            _run_hooks(hooks)
        elif point == "before_request_body":
            return  # the phase is "body" already
        timing.names.append(after)
        timing.clocks.append(perf_counter_ns())
        if point == "on_end_resource":
            self._send_on()
        elif after == "error" and self._is_wanted():
            self._put_in_error()

    def _run_other(self, point: str) -> None:
        """Run hooks that are billed to nothing: those of the end, and of points not CherryPy's."""
        if point != "on_end_request":
            HookMap.run(self, point)
            return
        timing, slow = self.timing, self.options.slow
        if timing.ended is None:
            timing.ended = perf_counter_ns()
        try:
            if self[point]:
                HookMap.run(self, point)
        finally:
            if slow is not None and timing.total > slow:
                self.options.tool.log_slow(timing)

    def _send_on(self) -> None:
        """Add the header to what is sent, and have the sending marked.

        NOTE: not to response.headers, which the caching tool stores and serves to others.
        """
        response = cherrypy.serving.response
        fields = response.header_list
        if fields is None:  # an unexpected error: handle_error is still to come
            return
        if self._is_wanted():
            fields.append((b"Server-Timing", server_timing(self.timing)))
        sent = response.header_list = SentHeaders(fields)
        sent.timing = self.timing

    def _put_in_error(self) -> None:
        """Add the header to the page of an unexpected error, which is about to be finalized.

        NOTE: run twice, since a redirect from an error page never comes to the second point.
        """
        headers = cherrypy.serving.response.headers
        if self.kept is None:
            self.kept = headers.get("Server-Timing", "")
        ours = server_timing(self.timing).decode("ascii")
        headers["Server-Timing"] = f"{self.kept}, {ours}" if self.kept else ours

    def _is_wanted(self) -> bool:
        header = self.options.header
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
    """Run *hooks* by priority; if one fails, leave it and those after it to CherryPy.

    PERF: HookMap.run prepares for failures that seldom come, for as long as the usual hooks take.
    """
    waiting = iter(sorted(hooks))
    for hook in waiting:
        try:
            hook()
        except Exception as error:
            HookMap.run_hooks(iter([Hook(_fail, error=error), *waiting]))


def _fail(error: Exception) -> None:
    raise error


class SentHeaders(list[tuple[bytes, bytes]]):
    """Hold a response's header fields, and mark when the server comes to fetch them.

    That is after the access log was written: the one place between them that can be seen.
    """

    __slots__ = ("timing",)
    timing: Timing

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Begin the phase "stream" and return an iterator over the fields."""
        timing = self.timing
        timing.names.append("stream")
        timing.clocks.append(perf_counter_ns())
        return list.__iter__(self)


class Options(NamedTuple):
    """Hold the tool and its settings for a request."""

    tool: TimingTool
    header: Header = False
    slow: float | None = None


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
        super().__init__("on_start_resource", settings)
        self.slow_rate = RateLimit(count=10, seconds=60)
        self._last: tuple[dict[str, Any], Options] = ({}, Options(self))

    def __call__(self, *args: Any, **given: Any) -> Any:
        """Check the settings and return the decorator that switches the tool on."""
        self.check_settings(given)
        return super().__call__(*args, **given)

    def check_settings(self, given: Mapping[str, Any]) -> None:
        """Raise UnknownSettingError or TimingSettingError if one is wrong."""
        checked(given)

    def _setup(self) -> None:
        """Put timed hooks in the place of the request's own (runs when dispatch is done)."""
        request = cherrypy.serving.request
        given = request.toolmaps[self.namespace][self._name]
        known, options = self._last
        if given != known:  # PERF: most requests have the settings of the one before
            options = Options(self, *checked({key: given[key] for key in given if key != "on"}))
            self._last = given, options
        hooks = request.hooks
        if type(hooks) is HookMap:
            # PERF: a copy takes longer; and who holds the request's hooks still holds them.
            hooks.__class__ = TimedHooks
        else:
            request.hooks = TimedHooks()
            request.hooks.update(hooks)
            hooks = request.hooks
        hooks.options = options
        hooks.timing = request.timing = _begin(request)
        request.timed_handler = request.handler

    def log_slow(self, timing: Timing) -> None:
        """Log the request that is ending, unless that was done too often of late."""
        request = cherrypy.serving.request
        status = status_of(cherrypy.serving.response)
        held_back = None if status is None else self.slow_rate.admit()
        if status is None or held_back is None:
            return
        record = record_of(
            timing,
            request.method,
            route_of(request, request.timed_handler),
            request.script_name + request.path_info,
            status,
            request.headers.get("Traceparent", ""),
        )
        more = f" held_back={held_back}" if held_back else ""
        cherrypy.log(f"slow request: {log_line(record)}{more}", "TIMING", logging.WARNING)


def settings(header: Header = False, slow: float | None = None) -> tuple[Header, float | None]:
    """Return the timing tool's settings; see :class:`TimingTool`.

    Raise TimingSettingError for a value that they cannot have.
    """
    if header in (True, False):  # 1 and 0 as well, which equal them
        header = bool(header)
    elif header != "local" and not callable(header):
        raise TimingSettingError("header", header, 'True, False, "local" or a callable')
    number = isinstance(slow, int | float) and not isinstance(slow, bool)
    if slow is not None and not (number and slow >= 0):
        raise TimingSettingError("slow", slow, "a number of seconds, or None")
    return header, slow


def checked(given: Mapping[str, Any]) -> tuple[Header, float | None]:
    """Return :func:`settings` of what was given; raise UnknownSettingError for another name."""
    refuse_unknown("timing", given, ("header", "slow"))
    return settings(**given)


def _begin(request: Any) -> Timing:
    """Return a timing that began when the request did, with the phases that are over."""
    now = perf_counter_ns()
    known = request.__dict__  # PERF: what is not there is not looked up in the classes too
    started = known.get("started")
    if started is None:  # no plugin on the bus: CherryPy's own, coarser, reading is as early
        ago = time.time() - cherrypy.serving.response.time
        started = now - int(ago * 1e9) if ago > 0 else now
    timing = Timing("dispatch", started)
    dispatched = known.get("dispatch_started")
    if dispatched is not None:
        timing.names.insert(0, "start")
        timing.clocks.append(max(started, dispatched))
    timing.names.append("tools")
    timing.clocks.append(now)
    if request.prev is not None and hasattr(request.prev, "timing"):
        # An InternalRedirect: one request to the client, two to CherryPy.
        timing.names.insert(0, "redirect")
        timing.clocks.insert(0, min(request.prev.timing.started, started))
    return timing
