"""The demo for any WSGI server: ``gunicorn demo.wsgi:application``.

The environment variable ``DEMO_DATABASE`` holds the URL of the database, if not the SQLite file.
"""

from __future__ import annotations

import os

from cpkit.dispatchers import embedded_application

from .app import DATABASE, assemble
from .operations.security import HEADERS

assemble(os.environ.get("DEMO_DATABASE", DATABASE))
application = embedded_application(headers=HEADERS, checks_content_type=False)
