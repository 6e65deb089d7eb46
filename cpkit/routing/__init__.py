"""Routing without a framework: Routes' mapper and its meaning, answered by an index."""

from cpkit.routing.mapper import IndexedMapper
from cpkit.routing.patterns import PatternWarning
from cpkit.routing.route import Route
from cpkit.routing.shadows import Shadow

__all__ = ["IndexedMapper", "PatternWarning", "Route", "Shadow"]
