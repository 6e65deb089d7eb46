"""The demo for any WSGI server: ``gunicorn demo.wsgi:application``.

The environment variable ``DEMO_DATABASE`` holds the URL of the database, if not the SQLite file.
"""

from __future__ import annotations

import atexit
import logging
import os

import cherrypy

from cpkit.dispatchers import RequestGuard

from .app import DATABASE, assemble
from .operations.security import HEADERS

cherrypy.server.unsubscribe()
cherrypy.log.error_log.addHandler(logging.StreamHandler())
assemble(os.environ.get("DEMO_DATABASE", DATABASE))
application = RequestGuard(cherrypy.tree, HEADERS, checks_content_type=False)
cherrypy.engine.start()
# Before CherryPy's own exit handler (the last come first), which warns that nobody has done it.
atexit.register(cherrypy.engine.exit)
