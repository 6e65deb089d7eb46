"""The demo for any WSGI server: ``gunicorn demo.wsgi:application``.

The environment variable ``DEMO_DATABASE`` holds the URL of the database, if not the SQLite file.
"""

from __future__ import annotations

import os

import cherrypy

from cpkit.dispatchers import PathGuard

from .app import DATABASE, assemble

cherrypy.server.unsubscribe()
assemble(os.environ.get("DEMO_DATABASE", DATABASE))
application = PathGuard(cherrypy.tree)
cherrypy.engine.start()
