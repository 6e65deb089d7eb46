"""Routing without a framework: Routes' mapper and its meaning, answered by an index."""

from .mapper import IndexedMapper
from .patterns import PatternWarning
from .route import Route
from .shadows import Shadow

__all__ = ["IndexedMapper", "PatternWarning", "Route", "Shadow"]
