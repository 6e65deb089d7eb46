"""The database on the bus: opened after the fork, before the server; closed after both."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, NoReturn

import cherrypy
from cherrypy.process.plugins import SimplePlugin

from cpkit.config_check import check_at_start
from cpkit.database.backends.base import Backend
from cpkit.database.backoff import backoff
from cpkit.database.borrowed import note_borrower, take_back
from cpkit.database.faults import Fault, fault_of
from cpkit.database.health import Health, measured
from cpkit.database.lending import Lending, effective_user

# What may be over soon: worth to wait for, and no reason to end where it is not required.
_PASSING = (Fault.GONE, Fault.BUSY)


class DatabasePlugin(Lending, SimplePlugin):
    """Keep the connections to one database for the life of the process.

    Assigned to ``cherrypy.engine.db`` it is configured by ``engine.db.on = True``,
    ``engine.db.url = "sqlite:////var/lib/shop.db"`` and the settings below, as config keys or
    keyword arguments. What is not listed here goes to ``sqlalchemy.create_engine``.
    """

    def __init__(self, bus: Any, url: str | None = None, **engine_options: Any) -> None:
        super().__init__(bus, {"url": url, **engine_options})
        # A channel of our own is not subscribed to by SimplePlugin unless it is there already.
        bus.listeners.setdefault("database_health", set())

    def subscribe(self) -> None:
        """Listen to the bus."""
        super().subscribe()
        check_at_start(self.bus)
        for channel, listener, priority in self._further_listeners():
            self.bus.subscribe(channel, listener, priority)

    def unsubscribe(self) -> None:
        """Listen no more."""
        super().unsubscribe()
        for channel, listener, _ in self._further_listeners():
            self.bus.unsubscribe(channel, listener)

    def _further_listeners(self) -> list[tuple[str, Callable[[], None], int]]:
        return [
            # Before Daemonizer forks (65), while the exit code can still tell; leaves nothing open.
            ("start", self.preflight, 60),
            # After DropPrivileges (77).
            ("start", self.recheck, 78),
            ("after_request", self.reclaim, 50),
        ]

    @property
    def threads(self) -> int:
        """Return how many threads serve requests."""
        return cherrypy.server.thread_pool or super().threads

    def lent(self, driver: Any, record: Any, fairy: Any) -> None:
        """Note which request borrows a connection."""
        note_borrower(record, fairy)

    @property
    def will_run(self) -> bool:
        """Tell whether the plugin was started, or will be when the bus is."""
        return self.running or self.start in self.bus.listeners.get("start", ())

    def preflight(self) -> None:
        """Wait for the database; end the process if it does not come and is required."""
        try:
            self._await(self._configured())
        except Exception as error:
            if self.required or fault_of(error) not in _PASSING:
                self._end(error)
            self.say(f"not there yet: {_one_line(error)}", 40)

    def start(self) -> None:
        """Open the database and run ``setup``."""
        if self._lanes is not None:
            return
        self._is_set_up = False
        try:
            self._backend = self._configured()
            self._open()
            self._pid = os.getpid()
            self._probe()
        except Exception as error:
            if self.required or fault_of(error) not in _PASSING:
                self._end(error)
            self._outage.begin(error)
        else:
            self.say("opened.")

    # After Daemonizer has forked (65); before monitors (70) and the server (75) may use it.
    start.priority = 67  # type: ignore[attr-defined]

    def recheck(self) -> None:
        """See that the user the process now runs as can use the database as well."""
        if self._uid == effective_user() or self._backend is None:
            return
        self.graceful()
        try:
            self._backend.probe()
        except Exception as error:
            why = f"{_one_line(error)}. A SQLite file and its folder have to belong to that user."
            self.say(f"cannot be used after privileges were dropped: {why}", 40)
            # NOTE: the server runs already; SystemExit would leave it running and the bus stuck.
            self.bus.exit()

    def graceful(self) -> None:
        """Swap the pool: idle connections are closed now, lent ones as they come back."""
        if self._backend is not None and not self._backend.keeps_data_in_connection:
            for engine in self.engines():
                engine.dispose()

    def stop(self) -> None:
        """Run ``cleanup`` and close every connection."""
        if self._lanes is None:
            return
        try:
            if self.cleanup is not None:
                self._in_transaction(self.cleanup)
        finally:
            self._close()
            self.say("closed.")

    # After the server has drained (25) and plugins have flushed what they hold (50).
    stop.priority = 90  # type: ignore[attr-defined]

    def reclaim(self) -> None:
        """Take back the connections that a request has kept."""
        take_back(self.say)

    def database_health(self, deadline: float = 1.0) -> Health:
        """Tell how the database is; the channel asks every database of the process."""
        up, seconds = measured(lambda: self.ping(deadline))
        return Health(self.name, self.masked_url, up, seconds, self.figures())

    def _await(self, backend: Backend) -> None:
        deadline = time.monotonic() + self.wait
        for pause in backoff():
            try:
                backend.probe()
                return
            except Exception as error:
                if fault_of(error) not in _PASSING or time.monotonic() + pause > deadline:
                    raise
            time.sleep(pause)

    def _end(self, error: Exception) -> NoReturn:
        """End the process before anything is served: other exceptions let the server come up."""
        self.say(f"nothing is served, since {_one_line(error)}", 40)
        raise SystemExit(1) from error


def _one_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split()) or type(cause).__name__
