"""Drive a server on this machine from many connections: a process of its own, for a bounded time.

``python -m tests.benchmarks.load.driver '{"port": 8080, "clients": 10, "seconds": 3, …}'`` prints
the summary as JSON. One thread and a selector, so that the driver takes little of the
processors that it shares with the server.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.load import wire

HOST = "127.0.0.1"
MOST_CLIENTS, MOST_SECONDS = 200, 60.0


@dataclass(frozen=True)
class Load:
    """Say what to send, from how many *clients*, for how long, waiting how long (seconds).

    Each client sends the *request* again and again, one at a time, keeping its connection and its
    cookies; *first* is sent once before. *check* is sent once after: it is to be answered with
    the body that the client's last request was answered with. Neither is measured.
    """

    port: int
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    first: Mapping[str, Any] | None = None
    check: Mapping[str, Any] | None = None
    clients: int = 10
    seconds: float = 3.0
    timeout: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.clients <= MOST_CLIENTS or not 0 < self.seconds <= MOST_SECONDS:
            raise ValueError(f"1 to {MOST_CLIENTS} clients for at most {MOST_SECONDS:g} seconds")

    def message(self) -> tuple[bytes, bytes]:
        """Return the request's head, which lacks its end, and its body."""
        body = self.body.encode()
        head = wire.request(self.method, self.path, f"{HOST}:{self.port}", self.headers, body)
        return head, body

    def other(self, request: Mapping[str, Any]) -> Load:
        """Return a load on the same port that sends another request."""
        return Load(self.port, timeout=self.timeout, **request)


class Driver:
    """Keep every client busy until the time is over, then wait for what is under way."""

    def __init__(self) -> None:
        self.selector = selectors.DefaultSelector()
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.written = 0
        self.writing = False
        self.deadline = 0.0

    def run(self, clients: list[Client], load: Load, seconds: float) -> float:
        """Send from all *clients* for so many *seconds*, once if none; return the time taken."""
        begun = time.perf_counter()
        self.deadline, self.writing = begun + seconds, load.method not in ("GET", "HEAD")
        for client in clients:
            client.load = load
        busy = {client for client in clients if client.send(self)}
        while busy:
            for key, _ in self.selector.select(0.05):
                if not key.data.proceed(self):
                    busy.discard(key.data)
            now = time.perf_counter()
            busy -= {client for client in busy if client.overdue(self, now)}
        return time.perf_counter() - begun

    def note(self, status: str, since: float) -> bool:
        """Count an answer; return whether there is time for another request."""
        now = time.perf_counter()
        self.statuses[status] += 1
        self.latencies.append(now - since)
        self.written += self.writing and status.startswith("2")
        return now < self.deadline

    def close(self, clients: list[Client]) -> None:
        """Close every connection."""
        for client in clients:
            client.close(self)
        self.selector.close()


class Client:
    """Hold one connection and the request that is under way on it."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.cookie: bytes | None = None
        self.socket: socket.socket | None = None
        self.received = b""
        self.body = b""
        self.since = 0.0

    def send(self, driver: Driver) -> bool:
        """Send the request, on a new connection if need be."""
        head, body = self.load.message()
        if self.cookie:
            head += b"\r\nCookie: " + self.cookie
        self.received, self.since = b"", time.perf_counter()
        try:
            self._connected(driver).sendall(head + b"\r\n\r\n" + body)
        except OSError:
            return self._ended(driver, "broken")
        return True

    def proceed(self, driver: Driver) -> bool:
        """Take what has come; return false when this client is done."""
        assert self.socket
        try:
            data = self.socket.recv(65536)
        except OSError:
            return self._ended(driver, "broken")
        self.received += data
        found = wire.answer(self.received, ended=not data)
        if found is None:
            return bool(data) or self._ended(driver, "broken")
        self.cookie, self.body = found.cookie or self.cookie, found.body
        if found.closes:
            self.close(driver)
        return driver.note(str(found.status), self.since) and self.send(driver)

    def overdue(self, driver: Driver, now: float) -> bool:
        """Give up a request that has taken too long; return true when this client is done."""
        if now - self.since < self.load.timeout:
            return False
        return not self._ended(driver, "timeout")

    def close(self, driver: Driver) -> None:
        """Close the connection."""
        if self.socket:
            driver.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None

    def _ended(self, driver: Driver, how: str) -> bool:
        self.close(driver)
        return driver.note(how, self.since) and self.send(driver)

    def _connected(self, driver: Driver) -> socket.socket:
        if self.socket is None:
            self.socket = socket.create_connection((HOST, self.load.port), self.load.timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            driver.selector.register(self.socket, selectors.EVENT_READ, self)
        return self.socket


def drive(load: Load) -> dict[str, object]:
    """Put the load on the server; return the summary, *written* and *lost* among it.

    *written* counts the answered requests that write, the first ones too; *lost* the clients
    whose check was not answered with what they had last been told.
    """
    driver = Driver()
    clients = [Client(load) for _ in range(load.clients)]
    if load.first:
        driver.run(clients, load.other(load.first), 0)
    driver.latencies.clear()
    driver.statuses.clear()
    seconds = driver.run(clients, load, load.seconds)
    found = wire.summary(seconds, driver.latencies, driver.statuses)
    lost = 0
    if load.check:
        told = [client.body for client in clients]
        driver.run(clients, load.other(load.check), 0)
        lost = sum(client.body != body for client, body in zip(clients, told, strict=True))
    driver.close(clients)
    return {**found, "written": driver.written, "lost": lost}


if __name__ == "__main__":
    json.dump(drive(Load(**json.loads(sys.argv[1]))), sys.stdout)
