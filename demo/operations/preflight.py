"""What can be known before the start: that the address is free."""

from __future__ import annotations

import socket


class CannotStartError(Exception):
    """The demo cannot start; the message is the one line that the user reads."""


def check_address(host: str, port: int) -> None:
    """Raise CannotStartError where the address cannot be listened on."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (OSError, UnicodeError) as error:  # a name longer than DNS has them is the latter
        reason = getattr(error, "strerror", None) or error
        raise CannotStartError(f"cannot listen on {host}:{port}: {reason}.") from error
