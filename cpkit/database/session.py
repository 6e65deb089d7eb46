"""A unit of work with SQLAlchemy's ORM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from .unit import Unit

if TYPE_CHECKING:
    from .lanes import Lane


class SessionUnit(Unit):
    """Lend an ORM Session on a connection of its own."""

    def _made(self, lane: Lane, fairy: Any) -> Any:
        return Session(super()._made(lane, fairy))

    def _shut(self, handle: Any, broken: bool) -> None:
        try:
            handle.close()
        finally:
            super()._shut(handle.bind, broken)
