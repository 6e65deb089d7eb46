"""The database on the bus: opened after the fork, before the server; closed after both."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial, wraps
from inspect import currentframe
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

import cherrypy
from cherrypy.process.plugins import SimplePlugin
from sqlalchemy import URL, Engine

from cpkit.cherry import Bus
from cpkit.config_check import check_at_start, end_start
from cpkit.database.database import Database
from cpkit.database.faults import Fault, fault_of, patiently
from cpkit.database.health import Begun, Health, PoolFigures, measured
from cpkit.database.lent import LENT
from cpkit.database.requests import Lent, note_borrower, note_commit, take_back
from cpkit.database.settings import SETTINGS, DatabaseSettings
from cpkit.logs.printable import printable

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

    from cpkit.database.backends.base import Backend
    from cpkit.database.unit import Unit

# What may be over soon: worth to wait for, and no reason to end where it is not required.
_MAY_COME = (Fault.GONE, Fault.BUSY)


P = ParamSpec("P")


def _noted(
    method: Callable[Concatenate[Database, P], Unit],
) -> Callable[Concatenate[DatabasePlugin, P], Unit]:
    """Return *method* as the plugin's own, which notes where a unit was begun that may write."""

    @wraps(method)
    def call(self: DatabasePlugin, /, *args: P.args, **kwargs: P.kwargs) -> Unit:
        unit = method(self.database, *args, **kwargs)
        if unit.write:  # PERF: what only reads locks nothing
            # NOTE: a frame that has itself in a variable keeps all that it has until collected.
            self._begun.note(unit, currentframe())
        return unit

    return call


class DatabasePlugin(SimplePlugin):
    """The connections to one database for the life of the process.

    Assigned to ``cherrypy.engine.db`` it is configured by ``engine.db.on = True``,
    ``engine.db.url = "sqlite:////var/lib/shop.db"`` and the settings of
    :class:`~cpkit.database.settings.DatabaseSettings`, as config keys, keyword arguments or
    attributes. What is none of them goes to ``sqlalchemy.create_engine``.
    """

    def __init__(self, bus: Bus, url: str | URL | None = None, **engine_options: Any) -> None:
        self._settings = DatabaseSettings()
        self._database = Database(self._settings, self)
        self._begun = Begun()
        self._user = -1
        self._take_back = partial(take_back, self.say)
        super().__init__(bus)
        for name, value in {"url": url, **engine_options}.items():
            setattr(self, name, value)
        # So that a tool is not on for a plugin that was never subscribed, and nobody says so.
        check_at_start(bus)
        # A channel of our own is not subscribed to by SimplePlugin unless it is there already.
        bus.listeners.setdefault("database_health", set())

    def __setattr__(self, name: str, value: Any) -> None:
        """Take a setting; a name that is neither one nor an attribute is for create_engine."""
        ours = getattr(type(self), name, dict)  # a method, unless there is something else
        if name in SETTINGS or name == "engine_options":
            setattr(self._settings, name, value)
        elif name.startswith("_") or not (callable(ours) or isinstance(ours, property)):
            super().__setattr__(name, value)
        else:
            self._settings.engine_options[name] = value

    def __getattr__(self, name: str) -> Any:
        """Return the setting *name*."""
        if name in SETTINGS or name == "engine_options":
            return getattr(self._settings, name)
        raise AttributeError(f"A DatabasePlugin has no {name}", name=name, obj=self)

    # ------------------------------ what applications call ------------------------------

    unit = begin = _noted(Database.unit)

    @property
    def engine(self) -> Engine:
        """Return SQLAlchemy's engine, for use outside of units; in SQLite the readers'."""
        return self._database.lane(write=False).engine

    def engines(self) -> list[Engine]:
        """Return every engine, each once."""
        return self._database.engines()

    @property
    def database(self) -> Database:
        """Return the database itself."""
        return self._database

    @property
    def running(self) -> bool:
        """Tell whether the plugin was started."""
        return self._database.running

    def ping(self, deadline: float = 1.0) -> bool:
        """Tell whether the database answers within *deadline* seconds, whatever state it is in."""
        return self._database.ping(deadline)

    def figures(self) -> PoolFigures:
        """Return how busy the connections are."""
        return self._database.figures()

    def unit_of_request(self, handle: str) -> type[Lent]:
        """Return the class of the units that lend *handle* to requests; SettingError for none."""
        return LENT[self._database.kind_of_unit(handle)]

    # ------------------------------ what the database asks ------------------------------

    @property
    def name(self) -> str:
        """Return the name under which the plugin stands on the engine."""
        return next((name for name, it in vars(self.bus).items() if it is self), "db")

    @property
    def threads(self) -> int:
        """Return how many threads serve requests."""
        return cherrypy.server.thread_pool or 10

    answers = (cherrypy.HTTPRedirect, cherrypy.InternalRedirect)

    def committed(self) -> None:
        """Note it on the request that is served: its handler is not run again."""
        note_commit()

    def say(self, message: str, level: int = 20, *, traceback: bool = False) -> None:
        """Log *message* about this database."""
        line = printable(f"Database {self._settings.masked_url}: {message}")
        self.bus.log(line, level, traceback)

    def lent(
        self, driver: DBAPIConnection, record: ConnectionPoolEntry, pooled: PoolProxiedConnection
    ) -> None:
        """Note which request borrows a connection."""
        note_borrower(record, pooled)

    # ------------------------------ on the bus ------------------------------

    def subscribe(self) -> None:
        """Listen to the bus."""
        super().subscribe()
        check_at_start(self.bus)
        for channel, listener, priority in self._further_listeners():
            self.bus.subscribe(channel, listener, priority)

    def unsubscribe(self) -> None:
        """Listen no more, and close: nothing would tell when, or take back what requests left."""
        super().unsubscribe()
        for channel, listener, _ in self._further_listeners():
            self.bus.unsubscribe(channel, listener)
        self.stop()

    def _further_listeners(self) -> list[tuple[str, Callable[[], None], int]]:
        return [
            # Before Daemonizer forks (65), while the exit code can still tell; leaves nothing open.
            ("start", self.preflight, 60),
            # After DropPrivileges (77).
            ("start", self.recheck, 78),
            ("after_request", self._take_back, 100),
        ]

    @property
    def will_run(self) -> bool:
        """Tell whether the plugin was started, or will be when the bus is."""
        return self.running or self.start in self.bus.listeners.get("start", ())

    def preflight(self) -> None:
        """Wait for the database; end the process if it does not come and is required."""
        if self.running:  # a listener before this one has asked for it
            return
        try:
            self._await(self._database.configured())
        except Exception as error:
            self._end_if_needed(error)
            self.say(f"not there yet: {_one_line(error)}", 40)

    def open_at_need(self) -> None:
        """Open now for a listener that starts before this plugin does, and reads."""
        if self.bus.state == self.bus.states.STARTING and self.will_run:
            self.start()

    def start(self) -> None:
        """Open the database and run ``setup``."""
        if self.running:
            return
        try:
            self._user = effective_user()
            self._database.open(self._database.configured())
        except Exception as error:
            self._end_if_needed(error)
            self._database.outage.begin(error)
        else:
            self.say("opened.")

    # After Daemonizer has forked (65); before monitors (70) and the server (75) may use it.
    start.priority = 67  # type: ignore[attr-defined]

    def recheck(self) -> None:
        """See that the user the process now runs as can use the database as well."""
        if self._user == effective_user() or not self.running:
            return
        self._database.graceful()
        try:
            self._database.backend.probe()
        except Exception as error:
            why = f"{_one_line(error)}. A SQLite file and its folder have to belong to that user."
            self.say(f"cannot be used after privileges were dropped: {why}", 40)
            # NOTE: the server runs already; SystemExit would leave it running and the bus stuck.
            self.bus.exit()

    def graceful(self) -> None:
        """Swap the pool: idle connections are closed now, lent ones as they come back."""
        self._database.graceful()

    def stop(self) -> None:
        """Run ``cleanup`` and close every connection."""
        if not self.running:
            return
        try:
            self._database.close()
        finally:
            self.say("closed.")
            for where in self._begun.still_open():
                self.say(f"a unit of work was left open. It was begun in {where}.", 30)

    # After the server has drained (25) and plugins have flushed what they hold (50).
    stop.priority = 90  # type: ignore[attr-defined]

    def database_health(self, deadline: float | None = 1.0) -> Health:
        """Tell how the database is; the channel asks every database of the process.

        Without a *deadline* it is not asked: it is up as far as is known.
        """
        up, seconds = measured(lambda: self._database.ping(deadline))
        return Health(self.name, self._settings.masked_url, up, seconds, self.figures())

    def _await(self, backend: Backend[Any]) -> None:
        patiently(backend.probe, self._settings.wait, _MAY_COME)

    def _end_if_needed(self, error: Exception) -> None:
        """End the process before anything is served, unless it can go on without the database."""
        fault, told = fault_of(error), _one_line(error)
        if fault is Fault.BUSY:
            open_ones = self._begun.still_open()
            told += "".join(f"; a unit of work is open that was begun in {it}" for it in open_ones)
        if self._settings.required or fault not in _MAY_COME:
            end_start(self.bus, told, of=f"Database {self._settings.masked_url}")


def _forget_notes() -> None:
    """Forget, in a process that was forked, where its parent has begun units of work."""
    for plugin in vars(cherrypy.engine).values():
        if isinstance(plugin, DatabasePlugin):
            plugin._begun.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_notes)


def effective_user() -> int:
    """Return the number of the user that this process runs as; 0 where there are none."""
    return os.geteuid() if hasattr(os, "geteuid") else 0


def _one_line(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split()) or type(cause).__name__
