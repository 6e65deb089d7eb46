"""Ports for the servers that tests start."""

from __future__ import annotations

import atexit
import socket
import sys


def free_port() -> int:
    """Return a port of 127.0.0.1 that no other test is given while this process lives.

    It stays bound here, though nobody listens at it: so the system gives it to nobody who asks for
    any port. A server that is told this one binds it all the same, since servers reuse addresses.
    """
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind(("127.0.0.1", 0))
    port = int(kept.getsockname()[1])
    if sys.platform == "linux":  # elsewhere the server could not bind it
        atexit.register(kept.close)
    else:
        kept.close()
    return port
