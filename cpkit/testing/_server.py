"""A real HTTP server for tests, without CherryPy's engine."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from cheroot.wsgi import Server as CherootServer

from cpkit.server import Connection

_PATIENCE = 2  # how long stop() waits for requests that hang, in seconds


def _closed_for_tests(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("503 Service Unavailable", [("Content-Length", "0")])
    return []


class Server:
    """Serve an application over HTTP on a free port of 127.0.0.1; swap it while the server runs.

    *threads* is the number of requests that are answered at a time.
    """

    def __init__(self, threads: int = 8) -> None:
        self._turn = _Turn(_closed_for_tests)
        self._changed = threading.Condition()
        self._http = CherootServer(("127.0.0.1", 0), self._serve, numthreads=threads)
        self._http.ConnectionClass = Connection
        self._http.shutdown_timeout = 1
        self._http.expiration_interval = 0.05  # how long stop() may have to wait, in seconds

    @property
    def host(self) -> str:
        """Return the address that the server listens on."""
        return "127.0.0.1"

    @property
    def port(self) -> int:
        """Return the port that the server listens on."""
        return int(self._http.bind_addr[1])

    @property
    def url(self) -> str:
        """Return the server's root, without a slash at the end: ``http://127.0.0.1:40125``."""
        return f"http://{self.host}:{self.port}"

    def start(self) -> None:
        """Listen: connections are accepted when this returns."""
        # NOTE: threads are daemons if their maker is one; engine.block() would wait for others.
        opening = threading.Thread(target=self._http.prepare, daemon=True)
        opening.start()
        opening.join()
        self._thread = threading.Thread(target=self._http.serve, name="cp_server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and end the threads, but for those of requests that do not end."""
        # NOTE: cheroot waits for its threads without end; these are daemons, as the one here is.
        closing = threading.Thread(target=self._http.stop, daemon=True)
        closing.start()
        closing.join(_PATIENCE)
        self._thread.join()

    def connect(self, timeout: float = 10) -> http.client.HTTPConnection:
        """Return a connection to the server; *timeout* is in seconds."""
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def swap(self, app: Callable[..., Iterable[bytes]] | None = None, timeout: float = 5) -> None:
        """Serve *app* from now on, None for nothing; wait till requests to the last one are done.

        *timeout* is in seconds; what takes longer is waited for no more, by later swaps neither.
        """
        with self._changed:
            last, self._turn = self._turn, _Turn(app or _closed_for_tests)
            self._changed.wait_for(lambda: not last.under_way, timeout)

    def _serve(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with self._changed:
            turn = self._turn
            turn.under_way += 1
        try:
            return _Body(turn.app(environ, start_response), partial(self._done, turn))
        except BaseException:
            self._done(turn)
            raise

    def _done(self, turn: _Turn) -> None:
        with self._changed:
            turn.under_way -= 1
            self._changed.notify_all()


@dataclass
class _Turn:
    """Count the requests of one application."""

    app: Callable[..., Iterable[bytes]]
    under_way: int = 0


class _Body:
    """Pass a body on, and tell when it is closed."""

    def __init__(self, chunks: Iterable[bytes], done: Callable[[], None]) -> None:
        self._chunks = chunks
        self._done = done

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    def close(self) -> None:
        try:
            getattr(self._chunks, "close", lambda: None)()
        finally:
            self._done()
