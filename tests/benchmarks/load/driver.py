"""Clients that keep a server on this machine busy, for a bounded time."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import gevent
from gevent.pool import Group
from gevent.socket import create_connection
from geventhttpclient import HTTPClient
from geventhttpclient.response import HTTPParseError

from tests.benchmarks.turns import quantile

HOST = "127.0.0.1"
MOST_CLIENTS, MOST_SECONDS = 200, 60.0


class Request(NamedTuple):
    """What is sent."""

    method: str = "GET"
    path: str = "/"
    body: str = ""
    headers: Mapping[str, str] = {}

    @property
    def writes(self) -> bool:
        """Tell whether the request changes something."""
        return self.method not in ("GET", "HEAD")


@dataclass(frozen=True)
class Load:
    """What is sent, from how many *clients*, for how many *seconds*.

    Each client sends the request again and again, one at a time, keeping its connection and its
    cookie; each visitor sends *first* once before. *check* is sent once after: it is to be answered
    with the body that the client's last request was answered with. Neither is measured. All clients
    are *one_visitor*, or each is one of its own. *slow* more clients send half a request, and wait;
    other loads stand *beside* it, from *settle* seconds before on, so that what comes at once at
    first is not measured; of them only their rate is told. *timeout* is in seconds.
    """

    port: int
    send: Request
    first: Request | None = None
    check: Request | None = None
    beside: Sequence["Load"] = ()
    clients: int = 10
    seconds: float = 3.0
    settle: float = 0.0
    one_visitor: bool = False
    slow: int = 0
    timeout: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.clients <= MOST_CLIENTS or not 0 < self.seconds <= MOST_SECONDS:
            raise ValueError(f"1 to {MOST_CLIENTS} clients for at most {MOST_SECONDS:g} seconds")


class Client:
    """One connection of a visitor."""

    def __init__(self, load: Load, cookie: dict[str, str]) -> None:
        waits = dict.fromkeys(("connection_timeout", "network_timeout"), load.timeout)
        self.http, self.cookie, self.body = HTTPClient(HOST, load.port, **waits), cookie, b""

    def ask(self, request: Request) -> str:
        """Send the request; return the status, ``"timeout"`` or ``"broken"``."""
        try:
            answer = self.http.request(*request[:3], {**request.headers, **self.cookie})
            self.body = answer.read()
        except TimeoutError:
            return "timeout"
        except (OSError, HTTPParseError):
            return "broken"
        if told := answer.get("set-cookie"):
            self.cookie["Cookie"] = told.partition(";")[0]
        return str(answer.status_code)


def drive(load: Load) -> dict[str, Any]:
    """Put the load on the server; return the summary, *written* and *lost* among it.

    *written* counts the answered requests that write, the first ones too; *lost* the clients
    whose check was not answered with what they had last been told.
    """
    shared: dict[str, str] = {}
    clients = [Client(load, shared if load.one_visitor else {}) for _ in range(load.clients)]
    written = _once(clients[:1] if load.one_visitor else clients, load.first)
    waiting = [create_connection((HOST, load.port)) for _ in range(load.slow)]
    for connection in waiting:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: 127.")
    seconds = load.settle + load.seconds
    others = [replace(other, port=load.port, seconds=seconds) for other in load.beside]
    meanwhile = [gevent.spawn(drive, other) for other in others]
    gevent.sleep(load.settle)
    found = _measure(clients, load.send, load.seconds)
    gevent.joinall(meanwhile, raise_error=True)
    found["beside"] = [{key: it.value[key] for key in ("rate", "answered")} for it in meanwhile]
    for connection in waiting:
        connection.close()
    told = [client.body for client in clients]
    _once(clients, load.check)  # without a check they have what they were told
    for client in clients:
        client.http.close()
    found["lost"] = sum(one.body != body for one, body in zip(clients, told, strict=True))
    found["written"] = written + load.send.writes * found["answered"]
    return found


def _once(clients: Sequence[Client], request: Request | None) -> int:
    """Have each client send the request once; return how many writes were answered."""
    if not request:
        return 0
    statuses = Group().map(lambda client: client.ask(request), clients)
    return request.writes * sum(status.startswith("2") for status in statuses)


def _measure(clients: Sequence[Client], request: Request, seconds: float) -> dict[str, Any]:
    latencies: list[float] = []
    statuses: Counter[str] = Counter()
    begun = time.perf_counter()

    def keep_asking(client: Client) -> None:
        now = time.perf_counter()
        while True:  # once at least, however late it is
            statuses[client.ask(request)] += 1
            before, now = now, time.perf_counter()
            latencies.append(now - before)
            if now >= begun + seconds:
                break

    Group().map(keep_asking, clients)
    return summary(time.perf_counter() - begun, latencies, statuses)


def summary(seconds: float, latencies: list[float], statuses: Mapping[str, int]) -> dict[str, Any]:
    """Return what a run came to: requests a second, latencies in milliseconds, statuses."""
    good = sum(count for status, count in statuses.items() if status.startswith("2"))
    found = {
        "rate": round(good / seconds, 1),
        "answered": good,
        "errors": sum(statuses.values()) - good,
        "statuses": dict(sorted(statuses.items())),
    }
    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
        found[name] = round(1000 * quantile(latencies, share), 2) if latencies else None
    return found
