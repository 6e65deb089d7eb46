"""Reusable dispatchers, tools and plugins for CherryPy.

Importing cpkit imports nothing else: take :mod:`cpkit.dispatchers`, :mod:`cpkit.tools` or
:mod:`cpkit.plugins`, each alone. A module is imported when it is first named, too, as values in
CherryPy's ``.conf`` files do: ``tools.sessions.storage_class = cpkit.sessions.DatabaseSession``.
"""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

__version__ = "0.9.0"


def __getattr__(name: str) -> ModuleType:
    """Import the module *name*."""
    if name.startswith("_") or find_spec(f"{__name__}.{name}") is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return import_module(f"{__name__}.{name}")
