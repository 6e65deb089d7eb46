"""CherryPy bus plugins; each is imported when it is first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._database import DatabasePlugin

__all__ = ["DatabasePlugin"]


def __getattr__(name: str) -> Any:
    """Import the plugin *name*, so that only those who use the database need SQLAlchemy."""
    if name != "DatabasePlugin":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    try:
        from ._database import DatabasePlugin
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sqlalchemy":
            raise
        raise ModuleNotFoundError(
            "DatabasePlugin needs SQLAlchemy: pip install cpkit[db]", name=error.name
        ) from error
    return DatabasePlugin
