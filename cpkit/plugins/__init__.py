"""CherryPy bus plugins; each is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cpkit.errors import MissingExtraError

if TYPE_CHECKING:
    from cpkit.timing.prometheus import metrics_app

    from .config_check import ConfigCheck
    from .database import DatabasePlugin
    from .health import health_app
    from .logs import LogPlugin
    from .timing import MetricsPage, TimingPage, TimingPlugin

__all__ = [
    "ConfigCheck",
    "DatabasePlugin",
    "LogPlugin",
    "MetricsPage",
    "TimingPage",
    "TimingPlugin",
    "health_app",
    "metrics_app",
]

_ROOMS = {
    "ConfigCheck": "cpkit.plugins.config_check",
    "DatabasePlugin": "cpkit.plugins.database",
    "LogPlugin": "cpkit.plugins.logs",
    "MetricsPage": "cpkit.plugins.timing",
    "TimingPage": "cpkit.plugins.timing",
    "TimingPlugin": "cpkit.plugins.timing",
    "health_app": "cpkit.plugins.health",
    "metrics_app": "cpkit.timing.prometheus",
}


def __getattr__(name: str) -> Any:
    """Import the plugin *name*, so that only those who use the database need SQLAlchemy."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    try:
        return getattr(import_module(_ROOMS[name]), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "sqlalchemy":
            raise
        raise MissingExtraError("SQLAlchemy", "db") from error
