"""Reusable dispatchers, tools and plugins for CherryPy.

Importing cpkit imports nothing else: take :mod:`cpkit.dispatchers`, :mod:`cpkit.tools` or
:mod:`cpkit.plugins`, each alone.
"""

__version__ = "0.1.0"
