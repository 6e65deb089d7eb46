"""SQLite: durable, in WAL mode, with real BEGINs and one fair queue of writers."""

from __future__ import annotations

import math
import random
import sqlite3
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, event

from cpkit.database.engine import build_engine
from cpkit.database.faults import Fault, fault_of
from cpkit.database.lanes import Lane, Lanes
from cpkit.database.turns import Turns
from cpkit.errors import DatabaseBusyError

from .base import Backend

if TYPE_CHECKING:
    from cpkit.database.unit import Unit

_BETWEEN_PROCESSES = 0.001  # seconds between two attempts to begin; SQLite's own grow to 100 ms


class SqliteBackend(Backend):
    """Serve a SQLite file: many readers, and one connection on which writers take turns.

    An in-memory database is one connection for all; readers take turns there too.
    """

    def lanes(self) -> Lanes:
        """Build an engine for readers and one, of a single connection, for writers."""
        turns = Turns()
        write = Lane(build_engine(self.url, self, **{**self.options(), "pool_size": 1}), turns)
        event.listen(write.engine, "connect", _never_sleep)
        if self.keeps_data_in_connection:
            return Lanes(write, write)
        return Lanes(Lane(build_engine(self.url, self, **self.options())), write)

    @property
    def keeps_data_in_connection(self) -> bool:  # type: ignore[override]
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

    def look(self, driver: Any, idle: float) -> None:
        """See nothing: a file does not go away."""

    def connect_args(self) -> dict[str, Any]:
        """Let any thread use a connection, and leave BEGIN to the plugin."""
        return {
            "check_same_thread": False,
            "isolation_level": None,
            "timeout": self.plugin.timeout,
        }

    def connected(self, driver: Any, record: Any) -> None:
        """Set the pragmas of a connection."""
        pragmas = {
            **({"query_only": "ON"} if self.plugin.read_only else {"journal_mode": "WAL"}),
            "synchronous": self.plugin.synchronous,
            "foreign_keys": "ON",
            **(self.plugin.pragmas or {}),
        }
        for name, value in pragmas.items():
            driver.execute(f"PRAGMA {name} = {value}").close()

    def verify(self, connection: Connection) -> None:
        """See that the file can be read, and written by this user unless only reads are wanted."""
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101
        version = driver.execute("PRAGMA user_version").fetchone()[0]
        if not self.plugin.read_only:
            # NOTE: BEGIN IMMEDIATE alone succeeds on a file that cannot be written.
            driver.execute("BEGIN IMMEDIATE").close()
            try:
                driver.execute(f"PRAGMA user_version = {version}").close()
            finally:
                driver.rollback()

    def prepare(self, driver: Any, unit: Unit) -> None:
        """Set nothing: a snapshot, if one is asked for, begins with BEGIN."""

    def is_idle(self, driver: Any) -> bool:
        """Tell what SQLite says itself."""
        return not driver.in_transaction

    def is_plain(self, unit: Unit) -> bool:
        """Tell that nothing was set."""
        return True

    def begin(self, driver: Any, unit: Unit | None) -> None:
        """Begin for real: IMMEDIATE to write; to read only where a snapshot is asked for."""
        if unit is None:
            driver.execute("BEGIN")
        elif unit.write:
            _begin_immediate(driver, self.plugin.timeout)
        elif unit.isolation or unit.read_only:
            driver.execute("BEGIN")


def _never_sleep(driver: Any, record: Any) -> None:
    """Have the writers' connection say at once that it is locked (in WAL, only BEGIN waits).

    NOTE: SQLite's own wait sleeps longer the longer it has waited, which lets others overtake.
    """
    if driver.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
        driver.execute("PRAGMA busy_timeout = 0").close()


def _begin_immediate(driver: Any, timeout: float) -> None:
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
