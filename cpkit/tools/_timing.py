"""The timing tool: what each request spent its time on, whatever other tools do."""

from __future__ import annotations

import logging
from functools import partial
from time import perf_counter_ns
from typing import Any

import cherrypy

from cpkit.cherry import HookMap
from cpkit.timing.hooks import Header, TimedHooks
from cpkit.timing.labels import route_of, status_of
from cpkit.timing.phases import Timing, began
from cpkit.timing.settings import TimingSettings
from cpkit.timing.slowest import RateLimit, log_line, record_of

from ._toolbox import Setup, Tool, keywords_of


class TimingTool(Tool[TimingSettings]):
    """Time the phases of a request and offer them as ``cherrypy.request.timing``.

    Config keys, under ``cpkit.timing.``:

    - ``on``: True switches it on; it never changes a request's status
    - ``header``: send Server-Timing: False (the default, since timings tell), True, ``"local"``
      for clients on this machine, or a callable without arguments that decides by the request
    - ``slow``: seconds from which on a request is logged with its phases, as logfmt in
      milliseconds, with the trace id of its ``traceparent`` field; None (the default): never.
      ``cpkit.tools.timing.slow_rate`` limits the lines: 10 a minute.
    """

    __call__ = keywords_of(TimingSettings)

    def __init__(self) -> None:
        super().__init__("on_start_resource", TimingSettings)
        self.slow_rate = RateLimit(count=10, seconds=60)

    def setup_for(self, settings: TimingSettings) -> Setup:
        """Return what times each request that has these *settings*."""
        header = settings.header
        # 1 is True.
        return partial(
            self._time, bool(header) if isinstance(header, int) else header, settings.slow
        )

    def _time(self, header: Header, slow: float | None, request: Any) -> None:
        """Put timed hooks in the place of the request's own (runs when dispatch is done)."""
        hooks = request.hooks
        if type(hooks) is HookMap:
            # PERF: a copy takes longer; and who holds the request's hooks still holds them.
            hooks.__class__ = TimedHooks
        else:
            request.hooks = TimedHooks()
            request.hooks.update(hooks)
            hooks = request.hooks
        hooks.header = header
        hooks.timing = request.timing = _begin(request)
        request.timed_handler = request.handler
        if slow is not None:
            hooks.attach("on_end_request", self.log_slow, failsafe=True, seconds=slow)

    def log_slow(self, seconds: float) -> None:
        """Log the request that has ended if it took longer, unless that was done too often."""
        request = cherrypy.serving.request
        timing = request.timing
        status = status_of(cherrypy.serving.response) if timing.total > seconds else None
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


def _begin(request: Any) -> Timing:
    """Return a timing that began when the request did, with the phases that are over."""
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
    return Timing(marks)
