"""CherryPy dispatchers: which code answers a URL."""

from cpkit.routing import IndexedMapper
from cpkit.server import GuardedServer, PathGuard

from .routes import RoutesDispatcher

__all__ = ["GuardedServer", "IndexedMapper", "PathGuard", "RoutesDispatcher"]
