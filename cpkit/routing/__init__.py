"""Routing without a framework: Routes' mapper and its meaning, answered by an index."""

from .mapper import IndexedMapper
from .order import Difference, Shadow
from .patterns import PatternWarning
from .route import Route

__all__ = ["Difference", "IndexedMapper", "PatternWarning", "Route", "Shadow"]
