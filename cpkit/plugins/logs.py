"""The log plugin: access and error lines as JSON, with the id of the request."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter_ns

import cherrypy
from cherrypy.process.plugins import SimplePlugin

from cpkit.cherry import Bus, LogManager
from cpkit.config_check import end_start
from cpkit.errors import CpkitError
from cpkit.logs.fields import log_fields
from cpkit.logs.handlers import JsonHandlers
from cpkit.logs.lines import access_line
from cpkit.logs.queued import log_line
from cpkit.logs.request_ids import CurrentId, RequestId, WithRequestId, begin, end
from cpkit.logs.settings import check_config
from cpkit.serving.sending import status_of, watch

_CURRENT = CurrentId()


class LogPlugin(SimplePlugin):
    """CherryPy's access and error lines as JSON, one line an event, with the request's id.

    Assigned to ``cherrypy.engine.logs``, it is switched on by
    ``engine.logs.on = True``. Where the lines go is for CherryPy's settings to say:
    ``log.screen``, ``log.access_file``, ``log.error_file``. Its own, under ``engine.logs.``:

    - ``header`` (``"X-Request-ID"``): the field in which a request's id comes and goes; None: none
    - ``queue`` (0): how many lines may wait for a thread that writes them; 0: written at once

    The id of a request is that of its ``traceparent``, else the client's if it is well-formed,
    else a new one. :func:`cpkit.logs.request_id` returns it, and each LogRecord made meanwhile,
    whoever makes it, has it as ``request_id``.
    """

    def __init__(self, bus: Bus, header: str | None = "X-Request-ID", queue: int = 0) -> None:
        super().__init__(bus)
        self.header, self.queue = header, queue
        self._handlers = JsonHandlers()
        self._silenced: list[LogManager] = []
        self.reopens: list[LogManager] = []  # whose files it opens anew, in their own place
        self._make: WithRequestId | None = None
        self._log_fields: Callable[..., object] | None = None  # CherryPy's, while ours is used

    @property
    def header(self) -> str | None:
        """The field in which the id of a request comes and goes; None: none."""
        return self._header

    @header.setter
    def header(self, name: str | None) -> None:
        # Now, since a server may serve though nobody started the engine. start() checks the name.
        self._header = name
        self._field = name.title() if isinstance(name, str) else ""
        self._environ_key = f"HTTP_{self._field.upper().replace('-', '_')}"

    def subscribe(self) -> None:
        """Have lines be JSON from here on."""
        super().subscribe()
        # After Daemonizer has forked (65): a process that it ends would not write what waits.
        self.bus.subscribe("start", self.begin_to_queue, 66)
        if self._make is None:
            self._make = WithRequestId()
            logging.setLogRecordFactory(self._make)
            tool = cherrypy.tools.log_headers
            if tool.callable is not log_fields:  # else another one has it, and puts it back
                self._log_fields, tool.callable = tool.callable, log_fields
        self._take(cherrypy.log)

    def unsubscribe(self) -> None:
        """Leave the log as it was."""
        super().unsubscribe()
        self.bus.unsubscribe("start", self.begin_to_queue)
        if self._make is not None:
            self._make.give_back()
            if self._log_fields is not None:
                cherrypy.tools.log_headers.callable, self._log_fields = self._log_fields, None
        for log in self._silenced:
            vars(log).pop("access", None)
        for log in self.reopens:
            self.bus.subscribe("graceful", log.reopen_files)
        self._handlers.give_back()
        self._make, self._silenced, self.reopens = None, [], []

    def start(self) -> None:
        """End the start with one line if a setting is wrong."""
        name = next((name for name, it in vars(self.bus).items() if it is self), "logs")
        try:
            check_config(name, cherrypy.config)
        except CpkitError as error:
            end_start(self.bus, error)

    # Before Daemonizer forks (65), while the exit code can still tell.
    start.priority = 60  # type: ignore[attr-defined]

    def begin_to_queue(self) -> None:
        """Begin to queue lines, if that is asked for."""
        apps = cherrypy.tree.apps.values()
        for log in (cherrypy.log, *(it.log for it in apps if isinstance(it, cherrypy.Application))):
            self._take(log)
            if self.queue:
                self._handlers.queue(log.error_log, self.queue)
                self._handlers.queue(log.access_log, self.queue)

    def stop(self) -> None:
        """Write what waits."""
        self._handlers.unqueue()

    # After all that may log how it ended.
    stop.priority = 95  # type: ignore[attr-defined]

    def graceful(self) -> None:
        """Open the log files anew; what cannot be opened goes on in the file that was open."""
        loggers = [it for log in self.reopens for it in (log.error_log, log.access_log)]
        for error in [*self._handlers.reopen(loggers)]:
            self.bus.log(f"A file of the log cannot be opened anew, and is written on: {error}", 40)

    def log(self, msg: str = "", level: int = 20) -> None:
        """Have CherryPy's log, which the bus writes to next, write JSON, whatever came to it."""
        self._take(cherrypy.log)

    log.priority = 0  # type: ignore[attr-defined]

    def before_request(self) -> None:
        """Begin a request: from here on its id counts."""
        request = cherrypy.serving.request
        if "access" not in request.app.log.__dict__:
            self._take(request.app.log)
        current = RequestId(request, self._environ_key)
        request.log_began = perf_counter_ns(), current, begin(current)
        if self._field:
            # NOTE: CherryPy makes text of it when it makes the answer: only then can it be known.
            # PERF: the name is in title case already, which is how CherryPy keeps it.
            dict.__setitem__(cherrypy.serving.response.headers, self._field, _CURRENT)

    before_request.priority = 0  # type: ignore[attr-defined]  # others may log

    def after_request(self) -> None:
        """Write the line of the request: its last byte has been handed to the server."""
        request = cherrypy.serving.request
        began, current, token = request.__dict__.pop("log_began", (0, None, None))
        if token is None:
            return
        try:
            taken = perf_counter_ns() - began
            response = cherrypy.serving.response
            status = status_of(response)
            if status is not None:  # else an InternalRedirect: its other half has a line
                line = access_line(request, response, status, str(current), taken)
                log_line(request.app.log.access_log, line)
        except Exception:  # a listener that raises would keep CherryPy from closing the request
            self.bus.log("The log plugin could not log a request", level=40, traceback=True)
        finally:
            end(token)

    after_request.priority = 100  # type: ignore[attr-defined]  # others may log

    def _take(self, log: LogManager) -> None:
        """Have the handlers of *log* write JSON, and CherryPy no access line of its own."""
        if "access" not in vars(log):
            log.access = _watch
            self._silenced.append(log)
            ours = type(log).reopen_files is LogManager.reopen_files  # else it is the user's
            if ours and log.reopen_files in self.bus.listeners["graceful"]:
                self.bus.unsubscribe("graceful", log.reopen_files)
                self.reopens.append(log)
        self._handlers.take(log.error_log)
        self._handlers.take(log.access_log)


def _watch() -> None:
    """Log no access, which the plugin does when all is sent; have what is sent be watched."""
    watch(cherrypy.serving.response, cherrypy.serving.request.__dict__.get("timing"))
