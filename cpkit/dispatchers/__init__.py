"""CherryPy dispatchers: which code answers a URL."""

from cpkit.routing import IndexedMapper

__all__ = ["IndexedMapper"]
