"""What a database plugin can be told, as config keys, keyword arguments or attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from cpkit.transactions import mask_password


class Settings:
    """Hold the settings of a database; what is none of them is an option of create_engine."""

    url: str | None = None
    """SQLAlchemy's URL of the database."""

    required: bool = True
    """Whether the process ends if the database is not there at the start; if not, it answers 503
    until the database is there."""

    wait: float = 10.0
    """Seconds for which the start waits for the database."""

    timeout: float = 3.0
    """Seconds a request waits for a connection, or for its turn to write, before it is refused."""

    pool_size: int | None = None
    """How many connections at most; as many as the server has threads, unless given."""

    max_age: float = 1800.0
    """Seconds after which a connection is replaced when it is next lent."""

    statement_timeout: float | None = None
    """Seconds after which PostgreSQL or MariaDB cancels a statement; None: never. A second later
    its connection is cut, should the server hang."""

    slow_write: float = 1.0
    """Seconds after which a SQLite unit that writes is logged for holding up the others."""

    read_only: bool = False
    """Whether nothing of this database is ever written, so that its file need not be writable."""

    synchronous: str = "FULL"
    """SQLite: FULL survives a power cut, NORMAL may lose the last commits then, but is faster."""

    pragmas: dict[str, object] | None = None
    """SQLite: further pragmas for each connection."""

    setup: Callable[[Connection], object] | None = None
    """Called with a connection, in a transaction, when the database has been opened."""

    cleanup: Callable[[Connection], object] | None = None
    """Called likewise before the database is closed."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.engine_options: dict[str, Any] = {}
        for name, value in given.items():
            setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        """Take a setting; a name that is none of ours is an option of ``create_engine``."""
        if name.startswith("_") or name in ("bus", "engine_options") or hasattr(type(self), name):
            super().__setattr__(name, value)
        else:
            self.engine_options[name] = value

    @property
    def masked_url(self) -> str:
        """Return the URL without its password."""
        return mask_password(str(self.url))
