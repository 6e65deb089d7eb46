"""One request's way through a WSGI application, apart from all else that the thread serves."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

import cherrypy

ExcInfo = tuple[type[BaseException], BaseException, TracebackType]
StartResponse = Callable[..., Callable[[bytes], object]]
WSGIApplication = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

_thread = threading.local()


def _watch_request() -> None:
    """Tell the exchange that is under way in this thread of the request that has begun."""
    exchange = getattr(_thread, "exchange", None)
    if exchange is not None:
        exchange.watch(cherrypy.serving.request)


class Exchange:
    """A call of *app* with *environ*; several may be open in one thread, or one inside another.

    CherryPy keeps the request that a thread serves in ``cherrypy.serving``. Whenever the
    application runs, this exchange's own are put there, and afterwards what was there before.
    Unless it is to be a *stream*, the body is read at once.
    """

    def __init__(self, app: WSGIApplication, environ: dict[str, Any], *, stream: bool) -> None:
        self.status = ""
        self.headers: list[tuple[str, str]] = []
        self.request: Any = None
        self.exception: BaseException | None = None
        self.closed = False
        self._serving: dict[str, Any] = {}
        self._sent = False
        self._written: list[bytes] = []
        listeners = cherrypy.engine.listeners.get("before_request", ())
        if _watch_request not in listeners:
            cherrypy.engine.subscribe("before_request", _watch_request)
        with self:
            self._chunks: Iterable[bytes] = app(environ, self._start_response)
            self._iterator = iter(self._chunks)
            if not stream:
                self._read_rest()

    def __enter__(self) -> None:
        serving = vars(cherrypy.serving)
        self._outer = (getattr(_thread, "exchange", None), serving.copy())
        _thread.exchange = self
        serving.clear()
        serving.update(self._serving)

    def __exit__(self, *exc_info: object) -> None:
        serving = vars(cherrypy.serving)
        self._serving = serving.copy()
        serving.clear()
        _thread.exchange, outer = self._outer
        serving.update(outer)

    def read(self) -> bytes | None:
        """Return the next chunk of the body, or None where it ends or breaks off."""
        if self._written:
            return self._written.pop(0)
        if self.closed:
            return None
        with self:
            try:
                chunk = next(self._iterator, None)
            except Exception as error:
                self.fail(error)
                chunk = None
        self._sent = self._sent or bool(chunk)
        return chunk

    def read_all(self) -> bytes:
        """Return the rest of the body, as far as it goes, and close."""
        if not self.closed:
            with self:
                self._read_rest()
        return b"".join(self._written)

    def close(self) -> None:
        """Let the application finish the request; more than once does no harm."""
        with self:
            self._finish()

    def watch(self, request: Any) -> None:
        """Remember *request*, and what goes wrong in it beyond what its handlers answer for."""
        self.request = request
        handle_error, close = request.handle_error, request.close

        def remember_and_handle() -> None:
            self.fail(sys.exc_info()[1])
            handle_error()

        def close_and_remember() -> None:
            try:
                close()
            except Exception as error:
                self.fail(error)
                raise

        request.handle_error, request.close = remember_and_handle, close_and_remember

    def fail(self, error: BaseException | None) -> None:
        """Remember the first exception that the application let out."""
        self.exception = self.exception or error

    def _read_rest(self) -> None:
        try:
            for chunk in self._iterator:
                self._sent = self._sent or bool(chunk)
                self._written.append(chunk)
        except Exception as error:
            self.fail(error)
        finally:
            self._finish()

    def _finish(self) -> None:
        if self.closed:
            return
        self.closed = True
        getattr(self._chunks, "close", lambda: None)()
        # PERF: these refer back to the exchange, and would wait for the garbage collector.
        self._chunks = self._iterator = iter(())
        if self.request is not None:
            vars(self.request).pop("handle_error", None)
            vars(self.request).pop("close", None)

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], None]:
        if exc_info:
            self.fail(exc_info[1])
            if self._sent:  # PEP 3333: the answer is on its way and cannot be taken back
                raise exc_info[1].with_traceback(exc_info[2])
        self.status, self.headers = status, headers
        return self._written.append
