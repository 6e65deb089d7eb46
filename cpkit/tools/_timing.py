"""The timing tool: what each request spent its time on, whatever other tools do."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any, ClassVar

import cherrypy
from cherrypy._cprequest import HookMap

from ..errors import TimingSettingError
from ..spans import Timing, server_timing

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
    kept: str | None = None

    def run(self, point: str) -> None:
        """Run the hooks of *point*, as CherryPy does, and bill them to "tools"."""
        if point == "on_end_request":
            self.timing.stop()
            super().run(point)
            return
        # PERF: CherryPy sorts and iterates even where no tool has a hook.
        if self[point]:
            self.timing.mark("tools")
            super().run(point)
        if point in _AFTER:
            self.timing.mark(_AFTER[point])
        if point in self._SENDING:
            self._SENDING[point](self)

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
            return bool(self.header) and (self.header is True or is_local())
        try:
            return bool(self.header())
        except Exception:
            cherrypy.log("The timing header's predicate failed", "TOOLS.TIMING", traceback=True)
            return False

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
    """

    def __init__(self) -> None:
        super().__init__("on_start_resource", timing)

    def _setup(self) -> None:
        """Put timed hooks in the place of the request's own (runs when dispatch is done)."""
        request = cherrypy.serving.request
        hooks = TimedHooks()
        hooks.update(request.hooks)
        hooks.header = _checked(**self._merged_args())
        request.timing = hooks.timing = _begin(request)
        request.hooks = hooks


def timing(header: Header = False) -> None:
    """Say what the timing tool's settings are; see :class:`TimingTool`."""


def is_local() -> bool:
    """Tell whether the client is on this machine.

    The peer of the socket must be a loopback address, and no proxy may have forwarded the
    request: what X-Forwarded-For says is never believed.
    """
    environ = cherrypy.serving.request.wsgi_environ
    peer = environ.get("REMOTE_ADDR", "").removeprefix("::ffff:")
    forwarded = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
    return (peer.startswith("127.") or peer == "::1") and not any(f in environ for f in forwarded)


def _checked(header: Header = False) -> Header:
    if isinstance(header, bool) or header == "local" or callable(header):
        return header
    raise TimingSettingError("header", header, 'True, False, "local" or a callable')


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
