"""The fixtures themselves; pytest finds them through the entry point ``cpkit.testing``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ._client import Client


@pytest.fixture
def cp_client() -> Iterator[Client]:
    """Send requests to what the test mounts on ``cherrypy.tree``, without a server."""
    import cherrypy

    apps = dict(cherrypy.tree.apps)
    cherrypy.tree.apps.clear()
    try:
        yield Client()
    finally:
        cherrypy.tree.apps.clear()
        cherrypy.tree.apps.update(apps)
