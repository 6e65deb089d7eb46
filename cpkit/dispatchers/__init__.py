"""CherryPy dispatchers: which code answers a URL."""

from cpkit.routing import IndexedMapper

from ._guard import GuardedServer, PathGuard
from ._routes import RoutesDispatcher

__all__ = ["GuardedServer", "IndexedMapper", "PathGuard", "RoutesDispatcher"]
