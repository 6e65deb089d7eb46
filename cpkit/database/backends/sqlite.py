"""SQLite: durable, in WAL mode, with real BEGINs and one fair queue of writers."""

from __future__ import annotations

import math
import random
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.pool import ConnectionPoolEntry

from cpkit.database.faults import Fault, fault_of
from cpkit.database.terms import Terms
from cpkit.errors import DatabaseBusyError

from .base import Backend, driver_of

_BETWEEN_PROCESSES = 0.001  # seconds between two attempts to begin; SQLite's own grow to 100 ms


class SqliteBackend(Backend[sqlite3.Connection]):
    """A SQLite file: many readers, and one connection on which writers take turns.

    An in-memory database is one connection for all; readers take turns there too.
    """

    writers_take_turns = True
    sets_modes = False  # a snapshot, if one is asked for, begins with BEGIN

    @property
    def keeps_data_in_connection(self) -> bool:
        """Tell whether the database lives in memory and dies with its connection."""
        name = self.url.database or ""
        return (
            name in ("", ":memory:")
            or name.startswith("file::memory:")
            or self.url.query.get("mode") == "memory"
        )

    @property
    def max_age(self) -> float:
        """Never replace a connection that holds the data itself."""
        return math.inf if self.keeps_data_in_connection else super().max_age

    @property
    def look(self) -> Callable[[sqlite3.Connection, float], None] | None:
        """Return None: a file does not go away."""
        return None

    def connect_args(self) -> dict[str, Any]:
        """Let any thread use a connection, and leave BEGIN to the plugin."""
        return {
            "check_same_thread": False,
            "isolation_level": None,
            "timeout": self.settings.timeout,
        }

    def connected(self, driver: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        """Set the pragmas of a connection."""
        pragmas = {
            **({"query_only": "ON"} if self.settings.read_only else {"journal_mode": "WAL"}),
            "synchronous": self.settings.synchronous,
            "foreign_keys": "ON",
            **(self.settings.pragmas or {}),
        }
        for name, value in pragmas.items():
            driver.execute(f"PRAGMA {name} = {value}").close()

    def connected_to_write(self, driver: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
        """Have the writers' connection say at once that it is locked (in WAL, only BEGIN waits).

        NOTE: SQLite's own wait sleeps longer the longer it has waited, which lets others overtake.
        """
        if driver.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            driver.execute("PRAGMA busy_timeout = 0").close()

    def verify(self, connection: Connection) -> None:
        """See that the file can be read, and written by this user unless only reads are wanted."""
        driver: sqlite3.Connection = driver_of(connection)
        version = driver.execute("PRAGMA user_version").fetchone()[0]
        if not self.settings.read_only:
            # NOTE: BEGIN IMMEDIATE alone succeeds on a file that cannot be written.
            driver.execute("BEGIN IMMEDIATE").close()
            try:
                driver.execute(f"PRAGMA user_version = {version}").close()
            finally:
                driver.rollback()

    def is_idle(self, driver: sqlite3.Connection) -> bool:
        """Tell what SQLite says itself."""
        return not driver.in_transaction

    def begin(self, driver: sqlite3.Connection, terms: Terms | None) -> None:
        """Begin for real: IMMEDIATE to write; to read only where a snapshot is asked for."""
        if terms is None:
            driver.execute("BEGIN")
        elif terms.write:
            _begin_immediate(driver, self.settings.timeout)
        elif terms.special:
            driver.execute("BEGIN")


def _begin_immediate(driver: sqlite3.Connection, timeout: float) -> None:
    """Take the lock to write, asking often: the queue let only this thread of the process ask."""
    deadline = 0.0
    while True:
        try:
            driver.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if fault_of(error) is not Fault.BUSY:
                raise
            deadline = deadline or time.monotonic() + timeout
            if time.monotonic() > deadline:
                reason = f"Another process wrote for longer than {timeout:g} s"
                raise DatabaseBusyError(reason) from error
        time.sleep(_BETWEEN_PROCESSES * (0.5 + random.random()))  # noqa: S311
