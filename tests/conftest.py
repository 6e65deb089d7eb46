"""Databases for the tests of the plugin and its tool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture
def start_database(tmp_path, cp_isolation) -> Iterator[Callable[..., Any]]:
    """Start a DatabasePlugin as ``cherrypy.engine.<name>``, on a SQLite file unless told."""
    import cherrypy

    from cpkit.plugins import DatabasePlugin

    started = {}

    def start(url: str | None = None, name: str = "db", **options: Any) -> DatabasePlugin:
        plugin = DatabasePlugin(
            cherrypy.engine, url or f"sqlite:///{tmp_path}/{name}.sqlite", **options
        )
        setattr(cherrypy.engine, name, plugin)
        started[name] = plugin
        plugin.start()
        return plugin

    yield start
    for name, plugin in started.items():
        plugin.stop()
        delattr(cherrypy.engine, name)
