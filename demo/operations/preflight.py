"""What can be known before the start: that the address is free and the database takes writes."""

from __future__ import annotations

import socket

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from cpkit.database.settings import mask_password

SECONDS = 5
_SPOKEN = ("sqlite", "postgresql", "cockroachdb")  # which know INSERT ... ON CONFLICT
# A file that SQLite cannot write is noticed only by a write; the table is gone with the ROLLBACK.
_PROBES = {"sqlite": ["BEGIN IMMEDIATE", "CREATE TABLE cpkit_probe (id INTEGER)", "ROLLBACK"]}


class CannotStartError(Exception):
    """The demo cannot start; the message is the one line that the user reads."""


def check_address(host: str, port: int) -> None:
    """Raise CannotStartError where the address cannot be listened on."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:  # a name longer than DNS has them is the latter
        reason = getattr(error, "strerror", None) or error
        raise CannotStartError(f"cannot listen on {host}:{port}: {reason}.") from error


def check_database(url: str) -> None:
    """Raise CannotStartError where the database of *url* cannot be opened and written."""
    try:
        parsed = sa.make_url(url)
        engine = sa.create_engine(parsed, poolclass=sa.NullPool, connect_args=_patience(parsed))
    except ModuleNotFoundError as error:
        raise CannotStartError(f"install the driver that --database names: {error}.") from error
    except (SQLAlchemyError, ValueError) as error:
        # NOTE: SQLAlchemy's own message may hold the URL, and with it the password.
        raise CannotStartError(
            "--database is not a URL that can be opened; "
            "write sqlite:///file.sqlite or postgresql+psycopg://user@host/name."
        ) from error
    if engine.dialect.name not in _SPOKEN:
        raise CannotStartError(
            f"the demo is for SQLite and PostgreSQL, and {engine.dialect.name} is neither."
        )
    try:
        with engine.connect() as connection:
            for statement in _PROBES.get(engine.dialect.name, ["SELECT 1"]):
                connection.exec_driver_sql(statement)
    except (SQLAlchemyError, TypeError, ValueError) as error:  # an option that is none, or a NUL
        name, reason = mask_password(url), _line(getattr(error, "orig", error))
        raise CannotStartError(f"cannot use the database {name}: {reason}.") from error


def _patience(url: sa.URL) -> dict[str, int]:
    return {"connect_timeout": SECONDS} if url.get_driver_name().startswith("psycopg") else {}


def _line(error: object) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
