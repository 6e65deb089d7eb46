"""MariaDB and MySQL through PyMySQL."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, text

from .base import Backend

if TYPE_CHECKING:
    from cpkit.database.unit import Unit


class MariadbBackend(Backend):
    """Serve MariaDB; PyMySQL sets keepalives by itself."""

    def connect_args(self) -> dict[str, Any]:
        """Have a connection attempt end in time."""
        seconds = max(1, math.ceil(self.plugin.timeout))
        return {"connect_timeout": seconds, "read_timeout": seconds}

    def connected(self, driver: Any, record: Any) -> None:
        """Set the server's limit on the time of a statement.

        NOTE: PyMySQL's connect_timeout is over before the server's greeting, for which a server
        that hangs would be waited for ever: the read_timeout is for that, and not for statements.
        """
        given = self.plugin.engine_options.get("connect_args", {})
        if "read_timeout" not in {*self.url.query, *given}:
            driver._read_timeout = None
        if self.plugin.statement_timeout is not None:
            with driver.cursor() as cursor:
                # NOTE: MariaDB counts in seconds.
                cursor.execute(f"SET SESSION max_statement_time = {self.plugin.statement_timeout}")

    def descriptor(self, driver: Any) -> int | None:
        """Return PyMySQL's socket."""
        socket = getattr(driver, "_sock", None)
        return None if socket is None else int(socket.fileno())

    def prepare(self, driver: Any, unit: Unit) -> None:
        """Set the isolation of this unit's transactions, and that they only read."""
        super().prepare(driver, unit)
        if unit.read_only:
            _access(driver, "READ ONLY")

    def restore(self, driver: Any, unit: Unit) -> None:
        """Undo what :meth:`prepare` set."""
        if unit.read_only:
            _access(driver, "READ WRITE")
        super().restore(driver, unit)

    def serialize_setup(self, connection: Connection) -> None:
        """Hold a named lock until the connection is closed: it is not for the pool any more."""
        connection.execute(text("SELECT GET_LOCK('cpkit', 10)"))
        connection.detach()


def _access(driver: Any, mode: str) -> None:
    with driver.cursor() as cursor:
        cursor.execute(f"SET SESSION TRANSACTION {mode}")
