"""Routing without a framework: Routes' mapper and its meaning, answered by an index."""

from .comparison import Difference
from .mapper import IndexedMapper
from .patterns import PatternWarning
from .route import Route
from .shadows import Shadow

__all__ = ["Difference", "IndexedMapper", "PatternWarning", "Route", "Shadow"]
