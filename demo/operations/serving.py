"""The HTTP server of the demo."""

from __future__ import annotations

from cpkit.dispatchers import GuardedServer

from .security import HEADERS


class Server(GuardedServer):
    """cpkit's guarded server, for more visitors at a time.

    Beyond ten idle connections cheroot has clients connect anew for each request: of fifty who read
    all the time, one in a hundred then waits more than twice as long as it would.
    """

    keep_alive_conn_limit = 200
    headers = HEADERS
    checks_content_type = False  # forms are read as UTF-8, whatever they say
