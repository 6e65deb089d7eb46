"""CherryPy dispatchers: which code answers a URL."""

from cpkit.routing import IndexedMapper
from cpkit.routing.declarations import route, routes
from cpkit.server import GuardedServer
from cpkit.serving.embedded import embedded_application
from cpkit.serving.guard import PathGuard, RequestGuard

from ._routes import RoutesDispatcher

__all__ = [
    "GuardedServer",
    "IndexedMapper",
    "PathGuard",
    "RequestGuard",
    "RoutesDispatcher",
    "embedded_application",
    "route",
    "routes",
]
