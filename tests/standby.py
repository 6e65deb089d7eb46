"""A PostgreSQL that follows another one, as a hot standby does."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, closing
from pathlib import Path

import psycopg

from tests.conftest import DatabaseServer, Postgres, serving


class Standby(Postgres):
    """A hot standby of *primary*; it takes no writes until it is promoted."""

    def __init__(self, folder: Path, user: str | None, primary: Postgres) -> None:
        DatabaseServer.__init__(self, folder, user)
        self.bin, self.primary = primary.bin, primary
        source = f"host=127.0.0.1 port={primary.port} user=me"
        copied = (self.bin / "pg_basebackup", "-D", folder / "data", "-d", source)
        self.run(*copied, "-R", "-X", "stream", "-c", "fast", "--no-sync")

    def catch_up(self) -> None:
        """Wait until all that the primary has is to be read here."""
        with closing(connect(self.primary)) as primary, closing(connect(self)) as here:
            (written,) = primary.execute("SELECT pg_current_wal_lsn()").fetchone()
            asked = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            deadline = time.monotonic() + 120
            while not here.execute(asked, [written]).fetchone()[0]:
                assert time.monotonic() < deadline
                time.sleep(0.01)

    def promote(self) -> None:
        """Make it a primary, which takes writes."""
        self.run(self.bin / "pg_ctl", "promote", "-w", "-D", self.folder / "data")


def connect(server: Postgres) -> psycopg.Connection:
    """Connect to a server beside the application."""
    return psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True)


def standby_of(primary: Postgres) -> AbstractContextManager[Standby]:
    """Run a standby of *primary* for as long as a block lasts."""

    def standby(folder: Path, user: str | None) -> Standby:
        return Standby(folder, user, primary)

    return serving(standby)
