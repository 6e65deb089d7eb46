"""The ORM's Session as the handle of a unit of work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from sqlalchemy import Engine
from sqlalchemy.orm import Session, SessionTransactionOrigin

from cpkit.errors import DatabaseError

from .connection import UnitConnection
from .pool import has_changes
from .unit import Unit


class SessionUnit(Unit, has=dir(Session())):
    """A unit of work that lends an ORM Session, which borrows a connection for each transaction."""

    connection_of_session: SessionConnection | None = None  # for its transaction, the last

    def __contains__(self, item: object) -> bool:
        """Tell whether the session holds *item*."""
        return item in self.handle

    def on_commit(self, call: Callable[[], object]) -> None:
        """Have *call* called after the commit, unless the savepoint that is begun now is undone."""
        if self._handle is not None and self._handle.in_nested_transaction():
            self._handle.connection()  # NOTE: which begins it, if nothing was done in it yet
        super().on_commit(call)

    def is_asked_for(self) -> bool:
        """Tell whether the session's transaction was begun by its ``begin()``."""
        transaction = self._handle and self._handle.get_transaction()
        return bool(transaction) and transaction.origin is SessionTransactionOrigin.BEGIN

    def turn(self, commit: bool) -> None:
        """Commit or roll back; objects are loaded anew when they are asked for."""
        try:
            if self.doomed or not commit:
                self.rollback()
            elif self.terms.write:  # else there is nothing to commit
                self.commit()
        except BaseException:
            self.close()
            raise

    def make_way(self, lender: object) -> None:
        """Do without the turn, if only reads were done in it; what was read may change then."""
        had = self.opened
        super().make_way(lender)
        if had and not self.opened:
            self._handle.expire_all()

    def _open(self) -> None:
        self._use()
        self._handle = self._lender.session(self)

    def _commit(self) -> None:
        self._handle.commit()

    def _rollback(self) -> None:
        self._handle.rollback()

    def _shut(self, handle: Session, broken: bool) -> bool:
        # NOTE: it knows the unit; so long as each knows the other, both wait for the collector.
        connection, self.connection_of_session = self.connection_of_session, None
        root = connection and connection.get_transaction()
        if root is not None:  # NOTE: a session ends each savepoint by a statement, and all is over
            root.rollback()
        if broken:
            handle.invalidate()
        else:
            handle.close()
        return not broken

    def _rest(self) -> None:
        transaction = self._handle.get_transaction()
        if transaction is not None and not (self.is_asked_for() or self._has_changes()):
            transaction.close()  # objects stay as they were loaded

    def _has_changes(self) -> bool:
        return has_changes(self._handle)


class OwnSessionUnit(SessionUnit):
    """A unit of work that lends a session of the application's own class."""

    def __getattr__(self, name: str) -> Any:
        """Return the attribute *name* of the session; a private one borrows nothing."""
        if name.startswith("_"):
            raise AttributeError(f"A unit of work has no {name}", name=name, obj=self)
        return getattr(self.handle, name)


class SessionBind(Engine):
    """What a session takes for its engine: connections of it are those of a unit."""

    def __init__(self, unit: SessionUnit, engine: Engine) -> None:
        vars(self).update(vars(engine))  # PERF: not made anew
        self.unit = unit

    def connect(self) -> UnitConnection:
        """Return the connection for one transaction; DatabaseError if the session has one."""
        if self.unit.opened:
            self.refuse_another()
        connection = SessionConnection(self.unit, self.unit.borrow(), self)
        self.unit.connection_of_session = connection
        return connection

    def raw_connection(self) -> NoReturn:
        """Raise DatabaseError: it would be none of the unit's."""
        self.refuse_another()

    def execution_options(self, **options: Any) -> NoReturn:
        """Raise DatabaseError: connections of the engine with *options* would be none either."""
        self.refuse_another()

    @staticmethod
    def refuse_another() -> NoReturn:
        raise DatabaseError(
            "This session has a connection already, and its bind has no other: take "
            "session.connection(), or a connection of cherrypy.engine.db.engine."
        )


class SessionConnection(UnitConnection):
    """A session's connection, which goes back with the transaction."""

    unit: Unit

    def invalidate(self, exception: BaseException | None = None) -> None:
        """Drop the connection; one that holds the data itself is rolled back."""
        if exception is None and self._borrowed.backend.keeps_data_in_connection:
            self.rollback()  # NOTE: a session that is refused this halfway is neither open nor over
        else:
            super().invalidate(exception)

    def lend_another(self) -> NoReturn:
        """Raise DatabaseError: the session's ``rollback()`` has it take another."""
        SessionBind.refuse_another()

    def close(self) -> None:
        """Undo what was not committed, and give the connection back."""
        good = False
        try:
            self._borrowed.close_cursors()
            good = not self.invalidated
            super().close()
        except BaseException:
            good = False
            raise
        finally:
            self.unit.give_back(broken=not good)
