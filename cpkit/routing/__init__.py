"""Routing without a framework: Routes' mapper and its meaning, answered by an index."""

from cpkit.routing.mapper import IndexedMapper
from cpkit.routing.route import Route

__all__ = ["IndexedMapper", "Route"]
