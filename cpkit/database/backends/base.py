"""What is done for every kind of database, and what each kind overrides."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import URL, Connection, Dialect, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool, QueuePool

from cpkit.database.faults import Fault, fault_of
from cpkit.database.settings import DatabaseSettings
from cpkit.database.sockets import cut, readable, seconds_left
from cpkit.database.statements import Judged, Statement, judge
from cpkit.database.terms import State, Terms, Value, refuse_autocommit
from cpkit.database.values import hide_values
from cpkit.errors import SettingError

# Seconds after which an idle connection is asked whether it lives, beyond the look at its socket:
# firewalls that forget a connection without a word take minutes.
_LONG_IDLE = 60.0

# Options of create_engine that count for each connection, wherever it is opened.
_OF_EACH_CONNECTION = ("creator", "connect_args", "isolation_level", "execution_options")


class Driver(Protocol):
    """What every driver's connection has (PEP 249)."""

    def cursor(self) -> Any:
        """Return a cursor."""

    def commit(self) -> None:
        """Commit."""

    def rollback(self) -> None:
        """Roll back."""


D = TypeVar("D", bound=Driver)


class Backend(Generic[D]):
    """Any database that SQLAlchemy knows: ordinary transactions, one lane for all.

    *settings* are those of the plugin, *connections* is the size of the pool.
    """

    writers_take_turns = False
    reads_without_transaction = False
    sets_modes = True  # if prepare() does anything at all
    limits_statements = False  # if statement_timeout is kept
    shares_connections = False  # if threads may share one: PEP 249's threadsafety of 2 or more
    cursors_need_transactions = False  # if is_on_server() is to be asked
    may_be_stuck = False  # if is_stuck() is
    judge: Callable[[Statement], Judged] = staticmethod(judge)
    names: Sequence[str] = ()  # of what the driver's connection has, as soon as one was opened
    dialect: Dialect  # of the engine that was built last

    def __init__(self, settings: DatabaseSettings, url: URL, connections: int) -> None:
        self.settings, self.url, self._connections = settings, url, connections

    # ------------------------------ engines and their connections ------------------------------

    def options(self) -> dict[str, Any]:
        """Return what create_engine is called with; the user's own options come last."""
        arguments = {
            name: value
            for name, value in self.connect_args().items()
            if name not in self.url.query  # what the URL says is the user's word
        }
        given = self.settings.engine_options
        queue = {
            "pool_size": self._connections,
            "max_overflow": 0,
            "pool_timeout": self.settings.timeout,
            "pool_use_lifo": True,  # the fewest connections are kept busy, the rest grow idle
        }
        return {
            # NullPool, which leaves the pooling to a PgBouncer, has none of these.
            **(queue if issubclass(given.get("poolclass", QueuePool), QueuePool) else {}),
            **given,
            "connect_args": {**arguments, **given.get("connect_args", {})},
        }

    def connect_args(self) -> dict[str, Any]:
        """Return what the driver is to be told for each connection."""
        return self.in_time(self.settings.timeout)

    def in_time(self, seconds: float) -> dict[str, Any]:
        """Return what has the driver give up a connect after so many *seconds*."""
        return {}

    def connect_in_time(self, dialect: Dialect) -> None:
        """Have *dialect* give a connect up when its unit has no time left; what users say stays."""
        connect, ours = dialect.connect, self.connect_args()

        def run(*args: Any, **told: Any) -> Any:
            left = seconds_left()
            if left is not None:
                less = self.in_time(left)
                told |= {name: it for name, it in less.items() if told.get(name) == ours[name]}
            try:
                return connect(*args, **told)
            except OSError as error:  # pg8000 lets it pass
                raise dialect.loaded_dbapi.InterfaceError(str(error)) from error

        vars(dialect)["connect"] = run

    @property
    def keeps_data_in_connection(self) -> bool:
        """Tell whether the database lives in memory and dies with its connection."""
        return False

    @property
    def max_age(self) -> float:
        """Return the seconds after which a connection is replaced: the fewest that are set."""
        recycle = self.settings.engine_options.get("pool_recycle", -1)
        return self.settings.max_age if recycle < 0 else min(self.settings.max_age, recycle)

    def connected(self, driver: D, record: ConnectionPoolEntry) -> None:
        """Set up a connection that was just opened."""

    def connected_to_write(self, driver: D, record: ConnectionPoolEntry) -> None:
        """Set up a connection that was just opened for writers who take turns."""

    def note(self, driver: D, *_: object) -> None:
        """Remember how a connection was set up that is never replaced."""

    # ------------------------------ whether it can be worked with ------------------------------

    def probe(self) -> None:
        """Open a connection outside of the pool, see that it can be worked with, and close it."""
        options = self.options()
        kept = {name: options[name] for name in _OF_EACH_CONNECTION if name in options}
        engine = create_engine(self.url, poolclass=NullPool, hide_parameters=True, **kept)
        event.listen(engine, "connect", self.connected)
        self.connect_in_time(engine.dialect)
        with engine.connect() as connection:
            self.verify(connection)
            driver: D = driver_of(connection)
            if not self.settings.read_only and self.autocommits(driver):
                refuse_autocommit("connect_args.autocommit", "AUTOCOMMIT")
            self.names = dir(driver)

    def verify(self, connection: Connection) -> None:
        """Raise the driver's error if the database cannot be worked with."""
        self.ping(driver_of(connection))

    def ping(self, driver: D) -> None:
        """Make the server answer."""
        cursor = driver.cursor()
        cursor.execute("SELECT 1")
        cursor.fetchall()
        cursor.close()
        driver.rollback()

    @property
    def look(self) -> Callable[[D, float], None] | None:
        """Return what looks at a connection that is about to be lent; None: nothing needs to."""
        return self.look_at

    def look_at(self, driver: D, idle: float) -> None:
        """See that a connection lives that was idle for so many seconds.

        Raise DisconnectionError, for the pool to replace it, if it does not.
        """
        try:
            descriptor = self.descriptor(driver)
        except Exception as error:
            raise DisconnectionError("the driver has closed this connection") from error
        if descriptor is not None and readable(descriptor) and not self.drained(driver):
            raise DisconnectionError("the server closed this idle connection")
        if idle > (_LONG_IDLE if descriptor is not None else 0.5):
            try:
                self.ping(driver)
            except Exception as error:
                raise DisconnectionError("this idle connection is dead") from error

    def descriptor(self, driver: D) -> int | None:
        """Return the connection's socket, or None where the driver does not show it.

        Raise what the driver raises, or an OSError, once it has closed the connection.
        """
        return None

    def cut(self, driver: D) -> bool:
        """End the statement that runs on a connection, from another thread; false if it can't."""
        try:
            return cut(self.descriptor(driver))
        except Exception:  # the driver has closed it
            return False

    def drained(self, driver: D) -> bool:
        """Read what came on an idle connection; tell whether it lives on."""
        return False

    # ------------------------------ what units ask for ------------------------------

    def prepare(self, driver: D, terms: Terms) -> None:
        """Set the modes that *terms* ask for, before a unit's first statement."""
        if terms.isolation:
            self.dialect.set_isolation_level(driver, terms.isolation)  # type: ignore[arg-type]

    @property
    def guards_reads(self) -> bool:
        """Tell whether :meth:`guard` keeps a connection from writing."""
        return False

    def guard(self, driver: D, on: bool) -> None:
        """Keep a connection from writing, whatever is done with it, or let it again."""

    def forbid_writes(self, driver: D) -> None:
        """Have the server refuse writes on a connection that nobody watches, and nobody gets next.

        Needs nothing where :meth:`guard` does it.
        """

    def begin(self, driver: D, terms: Terms | None, waited: float) -> float:
        """Begin a transaction; no terms where a connection is used without a unit.

        Return for how many seconds others had to be waited for; *waited* are spent already.
        """
        return 0.0

    def is_on_server(self, cursor: object) -> bool:
        """Tell whether the server keeps the rows of *cursor*, for as long as its transaction."""
        return False

    def is_stuck(self, driver: D) -> bool:
        """Tell whether something was begun on a connection that nobody ends any more."""
        return False

    def reader_of_rest(self, driver: D) -> Callable[[], None] | None:
        """Return what reads on after a text of several results, if its driver does not."""
        return None

    def close_cursor(self, driver: D, cursor: Any) -> None:
        """Close a cursor that somebody may still have."""
        cursor.close()

    def end_snapshot(self, driver: D) -> bool:
        """Go on without transactions after one that a reader asked for; false if it fails."""
        return True

    def set_local(self, driver: D, values: Mapping[str, Value]) -> None:
        """Set what is to count in this transaction alone."""
        raise SettingError("set_local", dict(values), "only PostgreSQL has such settings.")

    def hide(self, error: BaseException | None) -> None:
        """Take the statement's values out of the text of *error*, unless logs may have them."""
        if self.settings.engine_options.get("hide_parameters", True):
            hide_values(error)

    def is_lost(self, driver: D, failed: bool) -> bool:
        """Tell whether COMMIT would keep nothing; *failed*: a statement of the transaction did."""
        if failed:
            try:
                cursor = driver.cursor()
                cursor.execute("SELECT 1")
                cursor.close()
            except Exception:
                return True
        return False

    def follow(self, driver: D) -> Callable[[], State]:
        """Return what tells what has become of a transaction that goes on unwatched from now on."""

        def look() -> State:
            if self.is_idle(driver):
                return State.ENDED
            return State.LOST if self.is_lost(driver, True) else State.THERE

        return look

    def is_lost_by(self, driver: D, error: Exception) -> bool:
        """Tell whether *error* ended the transaction, so that what follows would be another."""
        return self.dialect.name in ("mysql", "mariadb") and fault_of(error) is Fault.CONFLICT

    def tidy(self, driver: D) -> bool:
        """Undo what a unit has set on its connection; false if the connection is to be dropped."""
        return False

    def autocommits(self, driver: D) -> bool:
        """Tell whether the driver was told to commit each statement by itself."""
        ask = getattr(driver, "get_autocommit", None)  # PyMySQL's and mysqlclient's
        return bool(ask()) if ask is not None else getattr(driver, "autocommit", False) is True

    def is_idle(self, driver: D) -> bool:
        """Tell whether there surely is no transaction, so that none needs to be ended."""
        return False

    def is_plain(self, terms: Terms) -> bool:
        """Tell whether :meth:`prepare` sets nothing for *terms*: nothing is to be undone."""
        return not terms.special

    def restored(self, driver: D, terms: Terms) -> bool:
        """Undo what :meth:`prepare` set; tell whether the connection is still good."""
        try:
            if not self.is_idle(driver):
                driver.rollback()
            self.restore(driver, terms)
        except Exception:
            return False
        return True

    def restore(self, driver: D, terms: Terms) -> None:
        """Undo what :meth:`prepare` set, outside of a transaction."""
        if terms.isolation:
            self.dialect.reset_isolation_level(driver)  # type: ignore[arg-type]

    # ------------------------------ setting up ------------------------------

    def serialize_setup(self, connection: Connection, wait: float) -> None:
        """Have processes that start together run ``setup`` one after another.

        Raise DatabaseBusyError if another one has not done after *wait* seconds.
        """

    @contextmanager
    def setting_up(self, connection: Connection, wait: float) -> Iterator[Connection]:
        """Lend *connection* to ``setup``, one process at a time, for as long as it takes."""
        self.serialize_setup(connection, wait)
        yield connection


def descriptor_of(of_driver: socket.socket | None) -> int:
    """Return the descriptor of a driver's socket; OSError once there is none."""
    if of_driver is None:
        raise OSError("the driver has closed its socket")
    return of_driver.fileno()


def driver_of(connection: Connection) -> Any:
    """Return the driver's own connection under SQLAlchemy's."""
    pooled = connection.connection
    # A unit's is lent: what is asked of that one belongs to its request.
    return getattr(pooled, "pooled", pooled).driver_connection
