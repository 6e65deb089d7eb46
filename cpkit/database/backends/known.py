"""The kinds of databases that are known: by dialect, and where it matters by driver."""

from __future__ import annotations

from typing import Any

from .base import Backend
from .mariadb import (
    MariadbBackend,
    MysqlclientBackend,
    MysqlConnectorBackend,
    PymysqlBackend,
)
from .postgresql import Pg8000Backend, PostgresqlBackend, Psycopg2Backend, PsycopgBackend
from .sqlite import SqliteBackend

# By dialect and driver; where the driver is none of these, by dialect.
_BACKENDS: dict[tuple[str, str], type[Backend[Any]]] = {
    ("sqlite", "pysqlite"): SqliteBackend,
    ("postgresql", "psycopg"): PsycopgBackend,
    ("postgresql", "psycopg2"): Psycopg2Backend,
    ("postgresql", "pg8000"): Pg8000Backend,
    ("mysql", "pymysql"): PymysqlBackend,
    ("mariadb", "pymysql"): PymysqlBackend,
    ("mysql", "mysqlconnector"): MysqlConnectorBackend,
    ("mariadb", "mysqlconnector"): MysqlConnectorBackend,
    ("mysql", "mysqldb"): MysqlclientBackend,
    ("mariadb", "mysqldb"): MysqlclientBackend,
}
_DIALECTS: dict[str, type[Backend[Any]]] = {
    "postgresql": PostgresqlBackend,
    "mysql": MariadbBackend,
    "mariadb": MariadbBackend,
}


def kind_of_backend(dialect: str, driver: str) -> type[Backend[Any]]:
    """Return what serves databases of this *dialect* by this *driver*, both as SQLAlchemy's."""
    return _BACKENDS.get((dialect, driver)) or _DIALECTS.get(dialect, Backend)
