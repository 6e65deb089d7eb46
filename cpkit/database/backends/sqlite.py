"""SQLite: durable, in WAL mode, with real BEGINs and one fair queue of writers."""

from __future__ import annotations

import math
import os
import random
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import URL, Connection
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from cpkit.database.faults import Fault, FileGoneError, fault_of
from cpkit.database.settings import DatabaseSettings
from cpkit.database.terms import State, Terms
from cpkit.errors import DatabaseBusyError, DatabaseError

from .base import Backend, driver_of

_BETWEEN_PROCESSES = 0.001  # seconds between two attempts to begin; SQLite's own grow to 100 ms

# What an application has made for its connection alone; a virtual table comes before its parts.
_FIRST_TEMPORARY = """
    SELECT type, name FROM sqlite_temp_master
    WHERE type IN ('trigger', 'view', 'table') AND name NOT LIKE 'sqlite!_%' ESCAPE '!'
    ORDER BY sql LIKE 'CREATE VIRTUAL%' DESC LIMIT 1
"""
# What is set on a connection, and not in its file.
_PRAGMAS = (
    "analysis_limit", "automatic_index", "busy_timeout", "cache_size", "cache_spill",
    "cell_size_check", "count_changes", "empty_result_callbacks", "foreign_keys",
    "full_column_names", "ignore_check_constraints", "journal_mode", "legacy_alter_table",
    "locking_mode", "max_page_count", "query_only", "read_uncommitted", "recursive_triggers",
    "reverse_unordered_selects", "secure_delete", "short_column_names", "synchronous",
    "temp_store", "threads", "trusted_schema", "writable_schema",
)  # fmt: skip
_LIMITS = [it for name, it in vars(sqlite3).items() if name.startswith("SQLITE_LIMIT_")]
Identity = tuple[int, int] | None  # of a file: its device and its inode; None if there is none


class FileConnection(sqlite3.Connection):
    """A connection that knows its file, and whether SQLAlchemy asked it for AUTOCOMMIT."""

    file: Identity = None
    autocommits = False

    @property
    def isolation_level(self) -> None:
        """Return None: the driver begins nothing by itself."""
        return

    @isolation_level.setter
    def isolation_level(self, level: str | None) -> None:
        """Take what SQLAlchemy sets: None for AUTOCOMMIT, and a text for anything else."""
        self.autocommits = level is None


class Prepared(NamedTuple):
    """A connection as it was when it was first lent."""

    driver: sqlite3.Connection
    pragmas: dict[str, object]
    row_factory: Any
    text_factory: Any
    limits: dict[int, int]  # where Python can set them, from 3.11 on


class SqliteBackend(Backend[sqlite3.Connection]):
    """A SQLite file: many readers, and one connection on which writers take turns.

    An in-memory database is one connection for all; readers take turns there too.
    """

    writers_take_turns = shares_connections = True
    limits_statements = True
    reads_without_transaction = True
    sets_modes = False  # a snapshot, if one is asked for, begins with BEGIN

    def __init__(self, settings: DatabaseSettings, url: URL, connections: int) -> None:
        super().__init__(settings, url, connections)
        self._file = self._path()
        self._name = os.fsencode(self._file or "")  # PERF: not encoded for each look
        self._was_there = False
        self._prepared: Prepared | None = None

    def _path(self) -> Path | None:
        """Return the file's path from the root; None for memory, and for SQLite's own URIs."""
        name = self.url.database or ""
        if self.keeps_data_in_connection or name.startswith("file:"):
            return None
        # NOTE: now, since the process may change its folder, and so may its children.
        return Path(name).absolute()

    @property
    def keeps_data_in_connection(self) -> bool:
        """Tell whether the database lives in memory and dies with its connection."""
        name, query = self.url.database or "", self.url.query
        return (
            name in ("", ":memory:")
            or name.startswith("file::memory:")
            or query.get("mode") == "memory"
            or query.get("vfs") == "memdb"
        )

    @property
    def max_age(self) -> float:
        """Never replace a connection that holds the data itself."""
        return math.inf if self.keeps_data_in_connection else super().max_age

    def options(self) -> dict[str, Any]:
        """Return what create_engine is called with; a file is opened by its path at the start."""
        options = super().options()
        if self.keeps_data_in_connection:
            options.pop("pool_recycle", None)
        if self._file is not None and "creator" not in options:
            arguments = options["connect_args"]
            options["creator"] = partial(self._open, **arguments)
        return options

    def _open(self, **arguments: Any) -> sqlite3.Connection:
        """Return a connection to the file; once it was there, it is never created anew."""
        file = self._file
        assert file is not None  # noqa: S101
        if self._was_there and not file.exists():
            raise FileGoneError(f"the file {file} is gone: put it back, or restart")
        try:
            driver: sqlite3.Connection = sqlite3.connect(file, **arguments)
        except sqlite3.OperationalError as error:
            if not file.parent.is_dir():
                told = f"{error}: the folder {file.parent} does not exist: create it"
                raise sqlite3.OperationalError(told) from error
            raise
        self._was_there = True
        if isinstance(driver, FileConnection):
            driver.file = _identity(self._name)
        return driver

    @property
    def look(self) -> Callable[[sqlite3.Connection, float], None] | None:
        """Return what sees whether a file is still the one that was opened. PERF: one stat()."""
        return None if self._file is None else self._look_at_file

    def _look_at_file(self, driver: sqlite3.Connection, idle: float) -> None:
        if isinstance(driver, FileConnection) and driver.file != _identity(self._name):
            raise DisconnectionError("the file was deleted or replaced")

    def cut(self, driver: sqlite3.Connection) -> bool:
        """Interrupt the statement that runs."""
        driver.interrupt()
        return True

    def connect_args(self) -> dict[str, Any]:
        """Let any thread use a connection, and leave BEGIN to the plugin."""
        return {
            "check_same_thread": False,
            "factory": FileConnection,
            "isolation_level": None,
            "timeout": self.settings.timeout,
        }

    def note(self, driver: sqlite3.Connection, *_: object) -> None:
        """Remember how a database in memory was set up, by listeners too, before it is lent."""
        if self._prepared is None or self._prepared.driver is not driver:
            found = {name: driver.execute(f"PRAGMA {name}").fetchone() for name in _PRAGMAS}
            pragmas = {name: row[0] for name, row in found.items() if row}
            if "case_sensitive_like" not in (self.settings.pragmas or {}):  # it can only be set
                pragmas["case_sensitive_like"] = "OFF"
            limits = {it: driver.getlimit(it) for it in _LIMITS} if _LIMITS else {}
            made = driver.row_factory, driver.text_factory
            self._prepared = Prepared(driver, pragmas, *made, limits)

    def connected(
        self, driver: sqlite3.Connection, record: ConnectionPoolEntry | None = None
    ) -> None:
        """Set the pragmas of a connection."""
        pragmas = {
            **({"query_only": "ON"} if self.settings.read_only else {"journal_mode": "WAL"}),
            "synchronous": self.settings.synchronous,
            "foreign_keys": "ON",
            **(self.settings.pragmas or {}),
        }
        try:
            for name, value in pragmas.items():
                driver.execute(f"PRAGMA {name} = {value}").close()
        except sqlite3.Error:
            driver.close()  # which older SQLAlchemys leave to the garbage collector
            raise

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

    @property
    def guards_reads(self) -> bool:
        """Tell whether reads are guarded: a database that is only read is so for good."""
        return not self.settings.read_only

    def guard(self, driver: sqlite3.Connection, on: bool) -> None:
        """Have SQLite refuse whatever writes, or no more.

        PERF: connections that units give back stay guarded for the next unit that reads.
        """
        driver.execute(f"PRAGMA query_only = {'ON' if on else 'OFF'}").close()

    def tidy(self, driver: sqlite3.Connection) -> bool:
        """Have a file opened anew; what lives in memory is as it was when it was first lent."""
        before = self._prepared
        if before is None or before.driver is not driver:
            return False
        try:
            self._restore_all(before)
        except sqlite3.ProgrammingError:  # somebody has closed it
            return False
        return True

    def _restore_all(self, before: Prepared) -> None:
        driver = before.driver
        driver.row_factory, driver.text_factory = before.row_factory, before.text_factory
        driver.set_authorizer(lambda *_: sqlite3.SQLITE_OK)  # None forbids all before Python 3.11
        driver.set_progress_handler(None, 0)
        driver.set_trace_callback(None)
        if isinstance(driver, FileConnection):
            driver.autocommits = False
        for limit, most in before.limits.items():
            driver.setlimit(limit, most)
        if driver.in_transaction:
            driver.rollback()
        for name, value in before.pragmas.items():
            driver.execute(f"PRAGMA {name} = {value}").close()
        # NOTE: one after another, since tables take others with them: a virtual table its own.
        while kept := driver.execute(_FIRST_TEMPORARY).fetchone():
            driver.execute('DROP {} temp."{}"'.format(*kept)).close()
        for _, name, _ in driver.execute("PRAGMA database_list").fetchall():
            if name not in ("main", "temp"):
                driver.execute(f'DETACH "{name}"').close()

    def begin(self, driver: sqlite3.Connection, terms: Terms | None, waited: float) -> float:
        """Begin for real: IMMEDIATE to write; to read only where a snapshot is asked for."""
        if terms is None:
            if not getattr(driver, "autocommits", False):
                driver.execute("BEGIN")
        elif terms.write:
            if not driver.in_transaction:  # else setting_up() has begun
                return _begin_immediate(driver, self.settings.timeout, waited)
        elif not driver.in_transaction:  # else a text has begun
            driver.execute("BEGIN")
        return 0.0

    def close_cursor(self, driver: sqlite3.Connection, cursor: Any) -> None:
        """Close a cursor; what another thread runs by it is interrupted first.

        NOTE: Python crashes where a connection is closed while one of its statements runs.
        """
        while True:
            try:
                cursor.close()
            except sqlite3.ProgrammingError as error:
                if "Recursive use" not in str(error):
                    raise
                driver.interrupt()
                time.sleep(_BETWEEN_PROCESSES)
            else:
                return

    def is_lost(self, driver: sqlite3.Connection, failed: bool) -> bool:
        """Tell what SQLite says itself."""
        return not driver.in_transaction

    def is_lost_by(self, driver: sqlite3.Connection, error: Exception) -> bool:
        """Tell what SQLite says itself: ON CONFLICT ROLLBACK, or a full disk, has undone it all."""
        return not driver.in_transaction

    def follow(self, driver: sqlite3.Connection) -> Callable[[], State]:
        """Return what tells a COMMIT or ROLLBACK by hand from ON CONFLICT ROLLBACK.

        SQLite's authorizer hears of the first two, when they are compiled: what is begun by hand
        after them is not followed.
        """
        ended = False

        def authorize(action: int, name: str | None, *_: str | None) -> int:
            nonlocal ended
            ended = ended or (action == sqlite3.SQLITE_TRANSACTION and name != "BEGIN")
            return sqlite3.SQLITE_OK

        def look() -> State:
            if driver.in_transaction:
                return State.THERE
            return State.ENDED if ended else State.LOST

        driver.set_authorizer(authorize)
        return look

    @contextmanager
    def setting_up(self, connection: Connection, wait: float) -> Iterator[Connection]:
        """Lend *connection* without foreign keys, which are checked before the commit.

        So a table can be rebuilt (sqlite.org/lang_altertable.html, 7), as Alembic does, without
        the rows of others going with the old one. Waits up to *wait* seconds for other processes.
        """
        driver: sqlite3.Connection = driver_of(connection)
        if self.settings.read_only:
            yield connection
            return
        enforced = driver.execute("PRAGMA foreign_keys").fetchone()[0]
        driver.execute("PRAGMA foreign_keys = OFF").close()
        try:
            _begin_immediate(driver, wait)
            before = _changes(driver)
            yield connection
            if enforced and driver.in_transaction and _changes(driver) != before:
                _check_foreign_keys(driver)
            connection.commit()
        except BaseException:
            connection.rollback()
            raise
        finally:
            if driver.in_transaction:
                driver.rollback()
            driver.execute(f"PRAGMA foreign_keys = {enforced}").close()


def _identity(name: bytes) -> Identity:
    try:
        found = os.stat(name)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _changes(driver: sqlite3.Connection) -> tuple[int, int]:
    """Return what is another one after a change of the schema or of rows."""
    return driver.execute("PRAGMA schema_version").fetchone()[0], driver.total_changes


def _check_foreign_keys(driver: sqlite3.Connection) -> None:
    """Raise DatabaseError for the first row whose parent is missing."""
    found = driver.execute("PRAGMA foreign_key_check").fetchone()
    if found is not None:
        table, row, parent, _ = found
        raise DatabaseError(
            f"setup left row {row} of {table} without its row of {parent}: nothing was changed. "
            "Delete or correct such rows first."
        )


def _begin_immediate(driver: sqlite3.Connection, timeout: float, waited: float = 0.0) -> float:
    """Take the lock to write, asking often: the queue let only this thread of the process ask.

    Return the seconds that it took; of *timeout*, so many as *waited* are spent already.
    """
    since = 0.0
    while True:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if fault_of(error) is not Fault.BUSY:
                raise
            since = since or time.monotonic()
            if time.monotonic() - since + waited > timeout:
                reason = f"Another process wrote for longer than {timeout:g} s"
                raise DatabaseBusyError(reason) from error
        else:
            return time.monotonic() - since if since else 0.0
        time.sleep(_BETWEEN_PROCESSES * (0.5 + random.random()))  # noqa: S311
