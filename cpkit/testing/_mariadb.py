"""How a database of MariaDB or MySQL is copied: object by object, as the server shows them."""

# ruff: noqa: S608 - the names are the database's own, quoted

from __future__ import annotations

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError


class MariadbCopying:
    """The work of copying the database *source* as *copy*, object by object."""

    def __init__(self, connection: Connection, source: str, copy: str) -> None:
        self._run = connection.execution_options(no_parameters=True).exec_driver_sql
        self._quote = connection.dialect.identifier_preparer.quote_identifier
        self._source, self._copy = source, copy

    def run(self) -> None:
        """Copy tables with their rows; then views, routines and triggers."""
        made = self._shown("CREATE DATABASE", self._quote(self._source), 1)
        self._run(made.replace(self._quote(self._source), self._quote(self._copy), 1))
        self._run(f"USE {self._quote(self._copy)}")
        self._run("SET foreign_key_checks = 0")
        self._run("SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO'")
        tables = self._listed("TABLE_NAME, TABLE_TYPE", "TABLES", "TABLE_SCHEMA")
        for name, kind in tables:
            if kind == "SEQUENCE":
                self._copy_sequence(name)
            elif kind != "VIEW":
                self._copy_table(name)
        for kind, name in self._listed("ROUTINE_TYPE, ROUTINE_NAME", "ROUTINES", "ROUTINE_SCHEMA"):
            self._run(self._here(self._shown(f"CREATE {kind}", self._of(name), 2)))
        self._copy_views([name for name, kind in tables if kind == "VIEW"])
        for (name,) in self._listed("TRIGGER_NAME", "TRIGGERS", "TRIGGER_SCHEMA"):
            self._run(self._here(self._shown("CREATE TRIGGER", self._of(name), 2)))
        self._run("SET foreign_key_checks = 1")

    def _copy_table(self, name: str) -> None:
        self._run(self._shown("CREATE TABLE", self._of(name), 1))
        stored = (
            f"TABLE_NAME = '{name}' AND COALESCE(GENERATION_EXPRESSION, '') = '' AND TABLE_SCHEMA"
        )
        columns = ", ".join(
            self._quote(column) for (column,) in self._listed("COLUMN_NAME", "COLUMNS", stored)
        )
        into = self._quote(name)
        self._run(f"INSERT INTO {into} ({columns}) SELECT {columns} FROM {self._of(name)}")

    def _copy_sequence(self, name: str) -> None:
        self._run(self._here(self._shown("CREATE SEQUENCE", self._of(name), 1)))
        (value,) = self._run(f"SELECT next_not_cached_value FROM {self._of(name)}").one()
        self._run(f"SELECT SETVAL({self._quote(name)}, {value}, 0)")

    def _copy_views(self, names: list[str]) -> None:
        """Create the views, those first that others need not be there for."""
        while names:
            left = [name for name in names if not self._has_created(name)]
            if left == names:
                self._run(self._here(self._shown("CREATE VIEW", self._of(left[0]), 1)))
            names = left

    def _has_created(self, view: str) -> bool:
        try:
            self._run(self._here(self._shown("CREATE VIEW", self._of(view), 1)))
        except SQLAlchemyError:
            return False
        return True

    def _shown(self, what: str, name: str, column: int) -> str:
        return str(self._run(f"SHOW {what} {name}").one()[column])

    def _listed(self, columns: str, table: str, schema: str) -> list[tuple[str, ...]]:
        found = self._run(
            f"SELECT {columns} FROM information_schema.{table} WHERE {schema} = '{self._source}'"
        )
        return [tuple(row) for row in found]

    def _of(self, name: str) -> str:
        return f"{self._quote(self._source)}.{self._quote(name)}"

    def _here(self, statement: str) -> str:
        return statement.replace(f"{self._quote(self._source)}.", f"{self._quote(self._copy)}.")
