"""The rows in which sessions are stored: their table, and what is done to them; no CherryPy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sqlalchemy import (
    Column,
    Connection,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    or_,
    select,
    text,
    update,
)

if TYPE_CHECKING:
    from sqlalchemy.sql.expression import ColumnElement


# Sessions that one statement deletes: it keeps no writer waiting for long, nor is it cancelled for
# taking long itself. SQLite before 3.32 takes no more than 999 values.
_AT_ONCE = 500


class Row(NamedTuple):
    """A session as it is stored."""

    key: str  # a hash of the id: who reads the table cannot take over a session
    data: str  # JSON
    expires: float  # seconds since 1970, UTC
    version: int  # counts what was stored: who finds another one than he read has been overtaken
    owner: str | None  # whose lock it is
    leased_until: float | None  # when that lock is void, since its process may have died

    def is_free(self, now: float) -> bool:
        """Tell whether nobody has it."""
        return self.owner is None or (self.leased_until or 0) < now


class Lock(Protocol):
    """What has processes create a table one after another."""

    def serialize_setup(self, connection: Connection, wait: float) -> None:
        """Wait for the turn of this process."""


class SessionTable:
    """A table of sessions, with the statements that are built once for all requests."""

    def __init__(self, name: str) -> None:
        self.table = _table(name)
        by_key = self.table.c.key == bindparam("session")
        # PERF: every request has this one; built once, SQLAlchemy finds it compiled.
        self.find = select(self.table).where(by_key)
        self.find_text, self.is_positional = "", False

    def create(self, connection: Connection, lock: Lock) -> None:
        """Create the table where there is none yet."""
        lock.serialize_setup(connection, 10.0)
        self.table.create(connection, checkfirst=True)
        known = {column["name"] for column in inspect(connection).get_columns(self.table.name)}
        if "version" not in known:  # a table of cpkit before 0.9
            name = connection.dialect.identifier_preparer.format_table(self.table)
            added = f"ALTER TABLE {name} ADD COLUMN version INTEGER DEFAULT 0 NOT NULL"
            connection.execute(text(added))
        compiled = self.find.compile(connection)
        self.find_text, self.is_positional = str(compiled), compiled.positional

    def read(self, driver: Any, key: str) -> Row | None:
        """Return the row of *key*. PERF: by the driver alone, which takes half of the time."""
        session = (key,) if self.is_positional else {"session": key}
        found = driver.execute(self.find_text, session).fetchone()
        return Row(*found) if found else None

    def lease(self, connection: Connection, key: str, owner: str, seconds: float) -> Row | None:
        """Lock the row of *key* for *owner* if nobody has it; return it, whoever has it then."""
        row, now = self.table.c, time.time()
        mine = update(self.table).where(row.key == key, self._is_free(now))
        connection.execute(mine.values(owner=owner, leased_until=now + seconds))
        found = connection.execute(self.find, {"session": key}).first()
        return Row(*found) if found else None

    def lock(self, connection: Connection, key: str) -> Row | None:
        """Return the row of *key*, which nobody changes before this transaction ends."""
        found = connection.execute(self.find.with_for_update(), {"session": key}).first()
        return Row(*found) if found else None

    def free(self, connection: Connection, owner: str) -> None:
        """End the lock of *owner*."""
        connection.execute(update(self.table).where(self.table.c.owner == owner).values(owner=None))

    def store(
        self, connection: Connection, read: Row, data: str, expires: float, owner: str | None
    ) -> bool:
        """Change the row that was *read*, and free it if *owner* has it; False if it has changed.

        A lock of another one stays.
        """
        row = self.table.c
        same = [row.key == read.key, row.version == read.version]
        values: dict[str, Any] = {"data": data, "expires": expires, "version": read.version + 1}
        if owner is not None:
            same.append(row.owner == owner)
            values["owner"] = None
        return self._change(connection, same, values)

    def extend(self, connection: Connection, key: str, expires: float) -> None:
        """Have the session *key* expire later, and change nothing else."""
        self._change(connection, [self.table.c.key == key], {"expires": expires})

    def add(self, connection: Connection, key: str, data: str, expires: float) -> None:
        """Store a new session. Raises IntegrityError if another one has the *key*."""
        values = {"key": key, "data": data, "expires": expires, "version": 0}
        connection.execute(insert(self.table).values(values))

    def remove(self, connection: Connection, key: str) -> None:
        """Delete the session *key*."""
        connection.execute(delete(self.table).where(self.table.c.key == key))

    def remove_expired(self, connection: Connection, before: float) -> bool:
        """Delete sessions that have expired *before*; tell whether there may be more of them.

        Those that a request has locked stay.
        """
        row = self.table.c
        is_over = row.expires <= before, self._is_free(time.time())
        keys = connection.scalars(select(row.key).where(*is_over).limit(_AT_ONCE)).all()
        connection.execute(delete(self.table).where(row.key.in_(keys), *is_over))
        return len(keys) == _AT_ONCE

    def count(self, connection: Connection) -> int:
        """Return how many sessions have not expired."""
        alive = self.table.c.expires > time.time()
        found = connection.scalar(select(func.count()).select_from(self.table).where(alive))
        return found or 0

    def _is_free(self, now: float) -> ColumnElement[bool]:
        row = self.table.c
        return or_(row.owner.is_(None), row.leased_until < now)

    def _change(
        self, connection: Connection, where: list[ColumnElement[bool]], values: dict[str, Any]
    ) -> bool:
        done = connection.execute(update(self.table).where(*where).values(values))
        return bool(done.rowcount)


def _table(name: str) -> Table:
    return Table(
        name,
        MetaData(),
        Column("key", String(64), primary_key=True),
        # NOTE: MariaDB's own TEXT ends at 64 KiB.
        Column("data", Text().with_variant(Text(2**24 - 1), "mysql", "mariadb"), nullable=False),
        Column("expires", Float(53), nullable=False, index=True),
        Column("version", Integer, nullable=False, server_default="0"),
        Column("owner", String(16), index=True),
        Column("leased_until", Float(53)),
    )
