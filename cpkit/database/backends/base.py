"""What the plugin does for every kind of database, and what each kind overrides."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import NullPool, QueuePool

from cpkit.database.engine import build_engine
from cpkit.database.lanes import Lane, Lanes
from cpkit.database.liveness import readable
from cpkit.database.pool import SINCE, UNTIL

if TYPE_CHECKING:
    from cpkit.database.lending import Lending
    from cpkit.database.unit import Unit

# Seconds after which an idle connection is asked whether it lives, beyond the look at its socket:
# firewalls that forget a connection without a word take minutes.
_LONG_IDLE = 60.0


class Backend:
    """Serve any database that SQLAlchemy knows: ordinary transactions, one lane for all."""

    keeps_data_in_connection = False

    def __init__(self, plugin: Lending, url: URL) -> None:
        self.plugin, self.url = plugin, url

    def lanes(self) -> Lanes:
        """Build the engines."""
        lane = Lane(build_engine(self.url, self, **self.options()))
        return Lanes(lane, lane)

    def options(self) -> dict[str, Any]:
        """Return what create_engine is called with; the user's own options come last."""
        arguments = {
            name: value
            for name, value in self.connect_args().items()
            if name not in self.url.query  # what the URL says is the user's word
        }
        given = self.plugin.engine_options
        queue = {
            "pool_size": self.plugin.connections,
            "max_overflow": 0,
            "pool_timeout": self.plugin.timeout,
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
        return {}

    @property
    def max_age(self) -> float:
        """Return the seconds after which a connection is replaced."""
        return self.plugin.max_age

    def probe(self) -> None:
        """Open a connection outside of the pool, see that it can be worked with, and close it."""
        options = self.options()
        kept = {name: options[name] for name in ("creator", "connect_args") if name in options}
        engine = create_engine(self.url, poolclass=NullPool, **kept)
        event.listen(engine, "connect", self.connected)
        with engine.connect() as connection:
            self.verify(connection)

    def verify(self, connection: Connection) -> None:
        """Raise the driver's error if the database cannot be worked with."""
        self.ping(connection.connection.driver_connection)

    def connected(self, driver: Any, record: Any) -> None:
        """Set up a connection that was just opened."""

    def checkout(self, driver: Any, record: Any, fairy: Any) -> None:
        """Look at a connection that is about to be lent; DisconnectionError replaces it."""
        now = time.monotonic()
        if now > record.info[UNTIL]:
            raise DisconnectionError("this connection is old")
        self.look(driver, now - record.info[SINCE])

    def look(self, driver: Any, idle: float) -> None:
        """See that a connection lives that was idle for so many seconds."""
        descriptor = self.descriptor(driver)
        if descriptor is not None and readable(descriptor) and not self.drained(driver):
            raise DisconnectionError("the server closed this idle connection")
        if idle > (_LONG_IDLE if descriptor is not None else 0.5):
            try:
                self.ping(driver)
            except Exception as error:
                raise DisconnectionError("this idle connection is dead") from error

    def descriptor(self, driver: Any) -> int | None:
        """Return the connection's socket, or None where the driver does not show it."""
        return None

    def drained(self, driver: Any) -> bool:
        """Read what came on an idle connection; tell whether it lives on."""
        return False

    def ping(self, driver: Any) -> None:
        """Make the server answer."""
        cursor = driver.cursor()
        cursor.execute("SELECT 1")
        cursor.fetchall()
        cursor.close()
        driver.rollback()

    def prepare(self, driver: Any, unit: Unit) -> None:
        """Set the modes that *unit* asks for, before its first statement."""
        dialect = self.plugin.engine.dialect
        if unit.isolation:
            dialect.set_isolation_level(driver, unit.isolation)  # type: ignore[arg-type]

    def begin(self, driver: Any, unit: Unit | None) -> None:
        """Begin a transaction; None where a connection is used without a unit."""

    def is_idle(self, driver: Any) -> bool:
        """Tell whether there surely is no transaction, so that none needs to be ended."""
        return False

    def is_plain(self, unit: Unit) -> bool:
        """Tell whether :meth:`prepare` set nothing for *unit*, so that nothing is to be undone."""
        return not (unit.isolation or unit.read_only)

    def restore(self, driver: Any, unit: Unit) -> None:
        """Undo what :meth:`prepare` set, outside of a transaction."""
        if unit.isolation:
            self.plugin.engine.dialect.reset_isolation_level(driver)

    def serialize_setup(self, connection: Connection) -> None:
        """Have processes that start together run ``setup`` one after another."""
