"""PostgreSQL, through any driver; through psycopg 3 a read's transaction takes no round trip."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from cpkit.database.faults import Fault, fault_of
from cpkit.database.sockets import readable
from cpkit.database.terms import State, Terms, Value
from cpkit.errors import DatabaseBusyError, SettingError

from .base import Backend, D, Driver, descriptor_of

if TYPE_CHECKING:
    from psycopg import Connection as Psycopg
    from psycopg import IsolationLevel

_IDLE, _ACTIVE, _IN_ERROR = 0, 1, 3  # libpq's PQTRANS_IDLE, _ACTIVE and _INERROR
_READY = 1  # psycopg 2's STATUS_READY: it begins with the next statement
_SETUP_LOCK = 0x63706B6974  # "cpkit": the key of the advisory lock around setup


class PostgresqlBackend(Backend[D]):
    """PostgreSQL, and what speaks its protocol: one set-up at a time, and its time limit."""

    limits_statements = True

    def connected(self, driver: D, record: ConnectionPoolEntry) -> None:
        """Set up a connection that was just opened."""
        self.limit_statements(driver)

    def limit_statements(self, driver: D) -> None:
        """Set the server's limit on the time of a statement."""
        if self.settings.statement_timeout is not None:
            milliseconds = int(self.settings.statement_timeout * 1000)
            cursor = driver.cursor()
            cursor.execute(f"SET statement_timeout = {milliseconds}")
            cursor.close()
            driver.commit()

    def begin(self, driver: D, terms: Terms | None, waited: float) -> float:
        """Have the server refuse writes from the first statement on, where a unit may never write.

        NOTE: it sees what a function writes that a SELECT calls.
        """
        if terms is not None and terms.read_only:
            cursor = driver.cursor()
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.close()
        return 0.0

    def forbid_writes(self, driver: D) -> None:
        """Have each transaction only read, and the one that a driver has begun for this too."""
        cursor = driver.cursor()
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        cursor.execute("SELECT set_config('transaction_read_only', 'on', true)")
        cursor.close()

    def set_local(self, driver: D, values: Mapping[str, Value]) -> None:
        """Set what is to count in this transaction alone: in one round trip, as SET LOCAL does."""
        calls = ", ".join("set_config(%s, %s, true)" for _ in values)
        given = [str(it) for pair in values.items() for it in pair]
        cursor = driver.cursor()
        cursor.execute(f"SELECT {calls}", given)
        cursor.close()

    def serialize_setup(self, connection: Connection, wait: float) -> None:
        """Hold an advisory lock: CREATE TABLE IF NOT EXISTS fails when two run at once.

        It is waited for as long as is said here, and what follows may take its time.
        """
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(f"SET LOCAL lock_timeout = {max(1, int(wait * 1000))}"))
        try:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_SETUP_LOCK})"))
        except DBAPIError as error:
            if fault_of(error) is not Fault.BUSY:
                raise
            told = f"Another process set up the database for over {wait:g} s"
            raise DatabaseBusyError(told) from error
        connection.execute(text("SET LOCAL lock_timeout = 0"))


class LibpqBackend(PostgresqlBackend[D]):
    """PostgreSQL through libpq."""

    shares_connections = True

    def connect_args(self) -> dict[str, Any]:
        """Have a connect, and a connection whose peer is gone, end in time."""
        return {
            **super().connect_args(),
            "keepalives": 1,
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        }

    def in_time(self, seconds: float) -> dict[str, Any]:
        """Return what has a connect end after so many *seconds*; libpq's least is 2 a host."""
        hosts = self.url.query.get("host", ())
        several = len(hosts.split(",") if isinstance(hosts, str) else hosts)
        return {"connect_timeout": max(2, math.ceil(seconds / max(1, several)))}

    def follow(self, driver: D) -> Callable[[], State]:
        """Begin now: what is idle later has ended; psycopg's ``transaction()`` is a savepoint."""
        if self.is_idle(driver):
            cursor = driver.cursor()
            cursor.execute("SELECT 1")
            cursor.close()
        return super().follow(driver)


class Pg8000(Driver, Protocol):
    """pg8000's connection, as far as it is needed here."""

    _usock: socket.socket | None


class Pg8000Backend(PostgresqlBackend[Pg8000]):
    """PostgreSQL through pg8000."""

    def in_time(self, seconds: float) -> dict[str, Any]:
        """Return what has a connect end after so many *seconds*."""
        return {"timeout": max(1, seconds)}

    def connected(self, driver: Pg8000, record: ConnectionPoolEntry) -> None:
        """Set up a connection that was just opened: what counted for the connect is over."""
        given = self.settings.engine_options.get("connect_args", {})
        if "timeout" not in {*self.url.query, *given} and driver._usock is not None:
            driver._usock.settimeout(None)
        super().connected(driver, record)

    def descriptor(self, driver: Pg8000) -> int:
        """Return pg8000's socket."""
        return descriptor_of(driver._usock)


class Psycopg2(Driver, Protocol):
    """psycopg 2's connection, as far as it is needed here."""

    status: int

    def fileno(self) -> int:
        """Return libpq's socket."""

    def get_transaction_status(self) -> int:
        """Return what libpq knows of the transaction."""


class Psycopg2Backend(LibpqBackend[Psycopg2]):
    """PostgreSQL through psycopg 2."""

    def descriptor(self, driver: Psycopg2) -> int:
        """Return libpq's socket."""
        return driver.fileno()

    def begin(self, driver: Psycopg2, terms: Terms | None, waited: float) -> float:
        """Have psycopg 2 begin with the next statement, after a COMMIT in a text, too.

        NOTE: it does not see that one, and each statement after it would be committed at once.
        """
        if self.is_idle(driver) and driver.status != _READY:
            driver.rollback()
        return super().begin(driver, terms, waited)

    def is_idle(self, driver: Psycopg2) -> bool:
        """Tell what libpq knows, without asking the server."""
        return driver.get_transaction_status() == _IDLE

    def is_lost(self, driver: Psycopg2, failed: bool) -> bool:
        """Tell what libpq knows: after an error COMMIT is a rollback."""
        return driver.get_transaction_status() == _IN_ERROR


class PsycopgBackend(LibpqBackend["Psycopg"]):
    """PostgreSQL through psycopg 3: no round trip for a read's transaction, none for liveness."""

    reads_without_transaction = cursors_need_transactions = may_be_stuck = True

    def descriptor(self, driver: Psycopg) -> int:
        """Return libpq's socket."""
        return int(driver.pgconn.socket)

    def drained(self, driver: Psycopg) -> bool:
        """Take in notices; at the end of the stream libpq raises."""
        try:
            while readable(driver.pgconn.socket):
                driver.pgconn.consume_input()
        except Exception:
            return False
        return True

    def prepare(self, driver: Psycopg, terms: Terms) -> None:
        """Read without BEGIN unless more is asked for; psycopg keeps these modes itself.

        PERF: with autocommit a read is one round trip instead of three.
        """
        _set_autocommit(driver, not terms.real)
        if terms.isolation:
            driver.isolation_level = _level(terms.isolation)
        if terms.read_only:
            driver.read_only = True

    def begin(self, driver: Psycopg, terms: Terms | None, waited: float) -> float:
        """Have psycopg begin with the next statement, where a reader asks for a transaction.

        NOTE: it may be in one that a text has begun, in which psycopg takes no modes.
        """
        if terms is not None and not terms.real and self.is_idle(driver):
            driver.autocommit = False
        return 0.0

    def is_on_server(self, cursor: object) -> bool:
        """Tell whether it is a named cursor: SQLAlchemy's for ``stream_results``, too."""
        return hasattr(cursor, "scrollable")  # of psycopg's ServerCursor alone

    def is_stuck(self, driver: Psycopg) -> bool:
        """Tell whether a ``stream()``, which keeps psycopg's lock, or a ``copy()`` is open.

        NOTE: COMMIT and ROLLBACK would wait for its end for ever. Another thread's statement is
        waited for, but not longer than for anything else.
        """
        pgconn = driver.pgconn
        if pgconn.transaction_status != _ACTIVE:
            return False
        if not driver.lock.acquire(timeout=self.settings.timeout):
            return True
        driver.lock.release()
        return bool(pgconn.transaction_status == _ACTIVE and not pgconn.pipeline_status)

    def end_snapshot(self, driver: Psycopg) -> bool:
        """Go on with a round trip for each read."""
        try:
            driver.autocommit = True
        except Exception:
            return False
        return True

    def is_lost(self, driver: Psycopg, failed: bool) -> bool:
        """Tell what libpq knows: after an error COMMIT is a rollback."""
        return bool(driver.pgconn.transaction_status == _IN_ERROR)

    def is_lost_by(self, driver: Psycopg, error: Exception) -> bool:
        """Tell that nothing is lost for good: a savepoint may still bring it back."""
        return False

    def tidy(self, driver: Psycopg) -> bool:
        """Undo what a unit has set on its connection.

        PERF: a thirtieth of what a new connection takes (measured on one machine, the least of 400
        each: 0.09 against 3.1 ms); a round trip more where psycopg has prepared statements.
        """
        try:
            driver.autocommit = True
            # NOTE: psycopg goes on with statements that it has prepared, and DISCARD ALL takes them
            # from the server: psycopg sees that only where it runs DISCARD ALL for the first time.
            driver._prepared.clear()
            driver.execute("DISCARD ALL", prepare=False)
            self.limit_statements(driver)
            driver.autocommit = False
        except Exception:
            return False
        return True

    def is_idle(self, driver: Psycopg) -> bool:
        """Tell what libpq knows, without asking the server."""
        return bool(driver.pgconn.transaction_status == _IDLE)

    def is_plain(self, terms: Terms) -> bool:
        """Tell whether *terms* leave psycopg's modes as SQLAlchemy expects them."""
        return terms.write and super().is_plain(terms)

    def restore(self, driver: Psycopg, terms: Terms) -> None:
        """Return to what SQLAlchemy expects."""
        _set_autocommit(driver, False)
        if terms.isolation:
            driver.isolation_level = None
        if terms.read_only:
            driver.read_only = None


def _set_autocommit(driver: Psycopg, value: bool) -> None:
    if driver.autocommit is not value:
        driver.autocommit = value


def _level(name: str) -> IsolationLevel:
    from psycopg import IsolationLevel

    try:
        return IsolationLevel[name.upper().replace(" ", "_")]
    except KeyError:
        remedy = f"take one of {', '.join(level.name for level in IsolationLevel)}."
        raise SettingError("isolation", name, remedy) from None
