"""A request's hooks that mark where each phase begins and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import Any

import cherrypy

from cpkit.cherry import Hook, HookMap

from .loopback import is_local
from .phases import Timing, server_timing

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

    timing: Timing
    header: Header
    kept: str | None = None

    def run(self, point: str) -> None:
        """Run the hooks of *point*, as CherryPy does, and bill them to "tools"."""
        timing, hooks = self.timing, self[point]
        after = _AFTER.get(point)
        if after is None:  # the end, or a point that is not CherryPy's: billed to nothing
            if point == "on_end_request":
                timing.stop()
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
            self._send_on()
        elif after == "error":
            self._put_in_error()

    def _send_on(self) -> None:
        """Add the header to what is sent, and have the sending marked.

        NOTE: not to response.headers, which the caching tool stores and serves to others.
        """
        response = cherrypy.serving.response
        fields = response.header_list
        if fields is None:  # an unexpected error: handle_error is still to come
            return
        timing, header = self.timing, self.header
        if header is True or (header and _is_wanted(header)):
            fields.append((b"Server-Timing", server_timing(timing)))
        sent = response.header_list = SentHeaders(fields)
        sent.marks = timing.marks

    def _put_in_error(self) -> None:
        """Add the header to the page of an unexpected error, which is about to be finalized.

        NOTE: run twice, since a redirect from an error page never comes to the second point.
        """
        if not _is_wanted(self.header):
            return
        headers = cherrypy.serving.response.headers
        if self.kept is None:
            self.kept = headers.get("Server-Timing", "")
        ours = server_timing(self.timing).decode("ascii")
        headers["Server-Timing"] = f"{self.kept}, {ours}" if self.kept else ours


class SentHeaders(list[tuple[bytes, bytes]]):
    """Hold a response's header fields, and mark when the server comes to fetch them.

    That is after the access log was written: the one place between them that can be seen.
    """

    __slots__ = ("marks",)
    marks: list[Any]

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        """Begin the phase "stream" and return an iterator over the fields."""
        self.marks += ("stream", perf_counter_ns())
        return list.__iter__(self)


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
