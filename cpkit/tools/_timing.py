"""The timing tool: what each request spent its time on, whatever other tools do."""

from __future__ import annotations

import logging
from functools import partial

import cherrypy

from cpkit.timing.counting import ended
from cpkit.timing.hooks import Header, TimedRequest, begin
from cpkit.timing.settings import TimingSettings
from cpkit.timing.slowest import RateLimit, log_line

from ._toolbox import Setup, Tool, keywords_of


class TimingTool(Tool[TimingSettings]):
    """The phases of a request, timed for handlers and others as ``cherrypy.request.timing``.

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
        header = bool(header) if isinstance(header, int) else header  # 1 is True
        if settings.slow is None:
            return partial(begin, header)
        return partial(self._begin_and_log, header, settings.slow)

    def _begin_and_log(self, header: Header, slow: float, request: TimedRequest) -> None:
        begin(header, request)
        request.hooks.attach("on_end_request", self.log_slow, failsafe=True, seconds=slow)

    def log_slow(self, seconds: float) -> None:
        """Log the request that has ended if it took longer, unless that was done too often."""
        request = cherrypy.serving.request
        if request.timing.total <= seconds:
            return
        told = ended(request, cherrypy.serving.response)
        held_back = None if told is None else self.slow_rate.admit()
        if told is None or held_back is None:
            return
        more = f" held_back={held_back}" if held_back else ""
        cherrypy.log(f"slow request: {log_line(told)}{more}", "TIMING", logging.WARNING)
