"""CherryPy bus plugins; each is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import MissingExtraError

if TYPE_CHECKING:
    from ._config_check import ConfigCheck
    from ._database import DatabasePlugin
    from ._metrics import metrics_app
    from ._timing import TimingPlugin
    from ._timing_page import TimingPage

__all__ = ["ConfigCheck", "DatabasePlugin", "TimingPage", "TimingPlugin", "metrics_app"]

_ROOMS = {
    "ConfigCheck": "_config_check",
    "DatabasePlugin": "_database",
    "TimingPage": "_timing_page",
    "TimingPlugin": "_timing",
    "metrics_app": "_metrics",
}


def __getattr__(name: str) -> Any:
    """Import the plugin *name*, so that only those who use the database need SQLAlchemy."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    try:
        return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sqlalchemy":
            raise
        raise MissingExtraError("SQLAlchemy", "db") from error
