"""MariaDB and MySQL through PyMySQL."""

from __future__ import annotations

import math
import socket
from typing import Any, Protocol

from sqlalchemy import Connection, text
from sqlalchemy.pool import ConnectionPoolEntry

from cpkit.database.terms import Terms

from .base import Backend, Driver


class PyMysql(Driver, Protocol):
    """PyMySQL's connection, as far as it is needed here."""

    _read_timeout: float | None
    _sock: socket.socket | None


class MariadbBackend(Backend[PyMysql]):
    """MariaDB; PyMySQL sets keepalives by itself."""

    def connect_args(self) -> dict[str, Any]:
        """Have a connection attempt end in time."""
        seconds = max(1, math.ceil(self.settings.timeout))
        return {"connect_timeout": seconds, "read_timeout": seconds}

    def connected(self, driver: PyMysql, record: ConnectionPoolEntry) -> None:
        """Set the server's limit on the time of a statement.

        NOTE: PyMySQL's connect_timeout is over before the server's greeting, for which a server
        that hangs would be waited for ever: the read_timeout is for that, and not for statements.
        """
        given = self.settings.engine_options.get("connect_args", {})
        if "read_timeout" not in {*self.url.query, *given}:
            driver._read_timeout = None
        seconds = self.settings.statement_timeout
        if seconds is not None:
            with driver.cursor() as cursor:
                # NOTE: MariaDB counts in seconds.
                cursor.execute(f"SET SESSION max_statement_time = {seconds}")

    def descriptor(self, driver: PyMysql) -> int | None:
        """Return PyMySQL's socket."""
        return None if driver._sock is None else driver._sock.fileno()

    def prepare(self, driver: PyMysql, terms: Terms) -> None:
        """Set the isolation of a unit's transactions, and that they only read."""
        super().prepare(driver, terms)
        if terms.read_only:
            _access(driver, "READ ONLY")

    def restore(self, driver: PyMysql, terms: Terms) -> None:
        """Undo what :meth:`prepare` set."""
        if terms.read_only:
            _access(driver, "READ WRITE")
        super().restore(driver, terms)

    def serialize_setup(self, connection: Connection) -> None:
        """Hold a named lock until the connection is closed: it is not for the pool any more."""
        connection.execute(text("SELECT GET_LOCK('cpkit', 10)"))
        connection.detach()


def _access(driver: PyMysql, mode: str) -> None:
    with driver.cursor() as cursor:
        cursor.execute(f"SET SESSION TRANSACTION {mode}")
