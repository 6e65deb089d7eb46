"""MariaDB and MySQL, through any driver; through PyMySQL also what a driver has to tell."""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NoReturn, Protocol

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry

from cpkit.database.faults import mariadb_number
from cpkit.database.sockets import SameSocket, cut
from cpkit.database.statements import judge
from cpkit.database.terms import State, Terms
from cpkit.errors import DatabaseBusyError, DatabaseError, SettingError, UnitOverError

from .base import Backend, D, Driver, descriptor_of, driver_of

_LONGEST_LOCK = 64  # characters of a lock's name

# The statements that do: of the language, and by an implicit commit.
_ENDING = (
    "^Com_(commit|rollback|release|begin|create|alter|drop|rename|truncate|grant|revoke|lock|xa)"
)
_THERE_ALREADY = (1050, 1060, 1061)  # a table, a column, an index
_IN_TRANSACTION = 1  # SERVER_STATUS_IN_TRANS of MariaDB's protocol
_MULTI_STATEMENTS = 1 << 16  # CLIENT_MULTI_STATEMENTS of MariaDB's protocol


class PyMysql(Driver, Protocol):
    """PyMySQL's connection, as far as it is needed here."""

    server_status: int
    client_flag: int
    _read_timeout: float | None
    _sock: socket.socket | None

    def ping(self, reconnect: bool = True) -> None:
        """Have the server answer."""


class MariadbBackend(Backend[D]):
    """MariaDB or MySQL through any driver: one set-up at a time, and the server's time limit."""

    limits_statements = True
    judge = staticmethod(partial(judge, mariadb=True))

    def connected(self, driver: D, record: ConnectionPoolEntry) -> None:
        """Set the server's limit on the time of a statement."""
        seconds = self.settings.statement_timeout
        if seconds is None:
            return
        cursor = driver.cursor()
        cursor.execute("SELECT VERSION()")
        # NOTE: MariaDB counts in seconds; MySQL in milliseconds, and for SELECT alone.
        if "MariaDB" in str(cursor.fetchall()):
            cursor.execute(f"SET SESSION max_statement_time = {seconds}")
        else:
            cursor.execute(f"SET SESSION max_execution_time = {int(seconds * 1000)}")
        cursor.close()

    def prepare(self, driver: D, terms: Terms) -> None:
        """Set the isolation of a unit's transactions, and that they only read."""
        super().prepare(driver, terms)
        if terms.read_only:
            _access(driver, "READ ONLY")

    def restore(self, driver: D, terms: Terms) -> None:
        """Undo what :meth:`prepare` set."""
        if terms.read_only:
            _access(driver, "READ WRITE")
        super().restore(driver, terms)

    def forbid_writes(self, driver: D) -> None:
        """Have each transaction only read, after the one that a read before this has begun."""
        driver.rollback()
        _access(driver, "READ ONLY")

    def follow(self, driver: D) -> Callable[[], State]:
        """Return what tells that a savepoint is gone, and no statement has taken it away.

        So it is when a deadlock has undone the transaction, in place of which there may be another.
        """
        cursor = driver.cursor()
        cursor.execute("SAVEPOINT cpkit_followed")
        before = _endings(cursor)

        def look() -> State:
            while cursor.nextset():  # of a text of several statements, which nobody has read
                pass
            ended = any(now > then for now, then in zip(_endings(cursor), before, strict=True))
            try:
                cursor.execute("RELEASE SAVEPOINT cpkit_followed")
            except Exception:
                return State.THERE if ended else State.LOST
            return State.THERE

        return look

    def serialize_setup(self, connection: Connection, wait: float) -> None:
        """Hold a named lock until the connection is closed: it is not for the pool any more."""
        name = f"cpkit {self.url.database or ''}"[:_LONGEST_LOCK]
        asked = {"name": name, "seconds": math.ceil(wait)}
        connection.execute(text("SET SESSION max_statement_time = 0"))
        if connection.scalar(text("SELECT GET_LOCK(:name, :seconds)"), asked) != 1:
            raise DatabaseBusyError(f"Another process set up the database for over {wait:g} s")
        connection.detach()

    @contextmanager
    def setting_up(self, connection: Connection, wait: float) -> Iterator[Connection]:
        """Lend *connection* to ``setup``; say what to do where one was cut off before."""
        with super().setting_up(connection, wait) as lent:
            try:
                yield lent
            except DBAPIError as error:
                if error.orig is None or mariadb_number(error.orig) not in _THERE_ALREADY:
                    raise
                raise DatabaseError(
                    f"setup makes what is there already: {error.orig}. MariaDB keeps each table of "
                    "a set-up that failed or was killed: write CREATE TABLE IF NOT EXISTS, ADD "
                    "COLUMN IF NOT EXISTS, CREATE INDEX IF NOT EXISTS."
                ) from error


class SeveralResultsBackend(MariadbBackend[D]):
    """MariaDB or MySQL through a driver that takes several statements in a text."""

    def reader_of_rest(self, driver: D) -> Callable[[], None]:
        """Return what reads on: else the next statement, of another request too, has the results.

        NOTE: an error of a later statement shows here alone: SQLAlchemy swallows what a cursor
        fails with as it is closed. By another cursor, so that the first has its rows; it is to be
        made before them.
        """
        cursor = driver.cursor()

        def read() -> None:
            while cursor.nextset():
                pass
            cursor.close()

        return read


class MysqlConnectorBackend(SeveralResultsBackend[Driver]):
    """MariaDB or MySQL through mysql-connector."""

    def in_time(self, seconds: float) -> dict[str, Any]:
        """Return what has a connect end after so many *seconds*."""
        return {"connection_timeout": max(1, math.ceil(seconds))}


class Mysqlclient(Driver, Protocol):
    """mysqlclient's connection, as far as it is needed here."""

    cpkit_socket: SameSocket

    def fileno(self) -> int:
        """Return its socket."""


class MysqlclientBackend(SeveralResultsBackend[Mysqlclient]):
    """MariaDB or MySQL through mysqlclient."""

    def in_time(self, seconds: float) -> dict[str, Any]:
        """Return what has a connect end after so many *seconds*."""
        return {"connect_timeout": max(1, math.ceil(seconds))}

    def connected(self, driver: Mysqlclient, record: ConnectionPoolEntry) -> None:
        """Set the server's limit on the time of a statement.

        NOTE: mysqlclient 2.3 does not tell another thread the socket on which one waits.
        """
        driver.cpkit_socket = SameSocket(driver.fileno())
        super().connected(driver, record)

    def descriptor(self, driver: Mysqlclient) -> int:
        """Return its socket."""
        return driver.fileno()

    def cut(self, driver: Mysqlclient) -> bool:
        """End the statement that runs on a connection, from another thread."""
        return cut(driver.cpkit_socket.descriptor)

    def close_cursor(self, driver: Mysqlclient, cursor: Any) -> None:
        """Close a cursor, and tell who has it still: mysqlclient would have it read as empty."""
        try:
            cursor.close()
        finally:
            cursor.fetchone = cursor.fetchmany = cursor.fetchall = _over


class PymysqlBackend(MariadbBackend[PyMysql]):
    """MariaDB or MySQL through PyMySQL, which sets keepalives by itself."""

    def in_time(self, seconds: float) -> dict[str, Any]:
        """Return what has a connect end after so many *seconds*."""
        whole = max(1, math.ceil(seconds))
        return {"connect_timeout": whole, "read_timeout": whole}

    def verify(self, connection: Connection) -> None:
        """Refuse texts of several statements: SQLAlchemy hears of no error but the first one's."""
        driver: PyMysql = driver_of(connection)
        if driver.client_flag & _MULTI_STATEMENTS:
            remedy = (
                "the error of a second statement is lost, and half of a text would be stored. "
                "Leave MULTI_STATEMENTS out, and execute one statement at a time."
            )
            raise SettingError("connect_args.client_flag", driver.client_flag, remedy)
        super().verify(connection)

    def connected(self, driver: PyMysql, record: ConnectionPoolEntry) -> None:
        """Set the server's limit on the time of a statement.

        NOTE: PyMySQL's connect_timeout ends before the server's greeting, which a server that
        hangs never sends. The read_timeout ends that wait; statements have no use for it.
        """
        given = self.settings.engine_options.get("connect_args", {})
        if "read_timeout" not in {*self.url.query, *given}:
            driver._read_timeout = None
        super().connected(driver, record)

    def descriptor(self, driver: PyMysql) -> int:
        """Return PyMySQL's socket."""
        return descriptor_of(driver._sock)

    def is_lost_by(self, driver: PyMysql, error: Exception) -> bool:
        """Tell whether the server undid the transaction: a deadlock's victim, say.

        It says so with the next answer, for which it is pinged.
        """
        was_in_transaction = driver.server_status & _IN_TRANSACTION
        if not was_in_transaction:
            return False  # there was nothing that it could undo
        try:
            driver.ping(reconnect=False)
        except Exception:
            return True
        return not driver.server_status & _IN_TRANSACTION

    def is_lost(self, driver: PyMysql, failed: bool) -> bool:
        """Tell that nothing is, which :meth:`is_lost_by` has not found."""
        return False


def _endings(cursor: Any) -> list[int]:
    """Return how many statements have ended a transaction or a savepoint on this connection.

    They are counted anew where the driver has connected anew, or has had its session reset.
    """
    cursor.execute(f"SHOW SESSION STATUS WHERE Variable_name REGEXP '{_ENDING}'")
    return [int(count) for _, count in cursor.fetchall()]


def _over(*_: object) -> NoReturn:
    """Raise UnitOverError, in place of fetching rows."""
    raise UnitOverError


def _access(driver: Driver, mode: str) -> None:
    cursor = driver.cursor()
    cursor.execute(f"SET SESSION TRANSACTION {mode}")
    cursor.close()
