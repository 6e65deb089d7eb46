"""A server of cheroot's, asked without a port and without a thread."""

from __future__ import annotations

import contextlib
import socket

from cheroot.server import HTTPServer


def answered(server: HTTPServer, data: bytes, *, stays: bool = False) -> bytes:
    """Return what *server* answers on a connection whose client sends *data*.

    All of it is there before the server begins to read. Nothing more follows: the client says so,
    unless it *stays* and is silent.
    """
    client, served = socket.socketpair()
    with client, served:
        served.settimeout(server.timeout)
        connection = server.ConnectionClass(server, served)
        client.settimeout(60)
        client.sendall(data)
        if not stays:
            client.shutdown(socket.SHUT_WR)
        while connection.communicate():
            pass
        connection.close()
        answer = b""
        with contextlib.suppress(ConnectionResetError):  # it was refused before all was read
            while data := client.recv(65536):
                answer += data
        return answer
