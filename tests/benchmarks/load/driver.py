"""Clients that keep a server on this machine busy: a process of its own, for a bounded time.

``python -m tests.benchmarks.load.driver '{"port": 8080, "clients": 10, "seconds": 3, …}'`` prints
the summary as JSON.
"""

import asyncio
import contextlib
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.turns import quantile

HOST = "127.0.0.1"
MOST_CLIENTS, MOST_SECONDS, MOST_BYTES = 200, 60.0, 2**20
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close|^HTTP/1\.0", re.IGNORECASE)
_COOKIE = re.compile(rb"\r\nset-cookie: *([^;\r]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Load:
    """What is sent, from how many *clients*, for how many *seconds*.

    Each client sends the request again and again, one at a time, keeping its connection and its
    cookies; *first* is sent once before. *check* is sent once after: it is to be answered with
    the body that the client's last request was answered with. Neither is measured. All clients
    are *one_visitor*, or each is one of its own. *slow* more clients send half a request, and wait;
    other loads stand *beside* it, and are not measured either. *timeout* is in seconds.
    """

    port: int
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str = ""
    first: Mapping[str, Any] | None = None
    check: Mapping[str, Any] | None = None
    beside: Sequence[Mapping[str, Any]] = ()
    clients: int = 10
    seconds: float = 3.0
    one_visitor: bool = False
    slow: int = 0
    timeout: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.clients <= MOST_CLIENTS or not 0 < self.seconds <= MOST_SECONDS:
            raise ValueError(f"1 to {MOST_CLIENTS} clients for at most {MOST_SECONDS:g} seconds")

    @property
    def writes(self) -> bool:
        """Tell whether the request changes something."""
        return self.method not in ("GET", "HEAD")

    def message(self, cookie: bytes | None) -> bytes:
        body = self.body.encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {HOST}:{self.port}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        lines += [f"Content-Length: {len(body)}"] * self.writes
        head = "\r\n".join(lines).encode()
        return head + (b"\r\nCookie: " + cookie if cookie else b"") + b"\r\n\r\n" + body


class Client:
    """One connection of a visitor."""

    def __init__(self, load: Load) -> None:
        self.load, self.cookie, self.body = load, None, b""
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, load: Load) -> str:
        """Send the request of *load*; return the status, ``"timeout"`` or ``"broken"``."""
        try:
            return await asyncio.wait_for(self._ask(load), load.timeout)
        except asyncio.TimeoutError:
            failed = "timeout"
        except (OSError, EOFError, ValueError):
            failed = "broken"
        await self.close()
        return failed

    async def _ask(self, load: Load) -> str:
        if self.streams is None:
            self.streams = await asyncio.open_connection(HOST, load.port, limit=MOST_BYTES)
        reader, writer = self.streams
        writer.write(load.message(self.cookie))
        head = await reader.readuntil(b"\r\n\r\n")
        if length := _LENGTH.search(head):
            self.body = await reader.readexactly(int(length[1]))
        elif _CHUNKED.search(head):
            self.body = await reader.readuntil(b"0\r\n\r\n")
        else:
            self.body = b"" if head[9:12] in (b"204", b"304") else await reader.read()
        if found := _COOKIE.search(head):
            self.cookie = found[1]
        if _CLOSE.search(head):
            await self.close()
        return head[9:12].decode()

    async def close(self) -> None:
        if self.streams:
            (_, writer), self.streams = self.streams, None
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def drive(load: Load) -> dict[str, Any]:
    """Put the load on the server; return the summary, *written* and *lost* among it.

    *written* counts the answered requests that write, the first ones too; *lost* the clients
    whose check was not answered with what they had last been told.
    """
    clients = [Client(load) for _ in range(load.clients)]
    written = await _once(clients, load, load.first)
    for client in clients if load.one_visitor else ():
        client.cookie = clients[0].cookie
    waiting = [await asyncio.open_connection(HOST, load.port) for _ in range(load.slow)]
    for _, writer in waiting:
        writer.write(load.message(None)[:-10])
    others = [Load(load.port, **of, seconds=load.seconds) for of in load.beside]
    meanwhile = asyncio.gather(*map(drive, others))
    latencies: list[float] = []
    statuses: Counter[str] = Counter()
    begun = time.perf_counter()

    async def keep_asking(client: Client) -> None:
        now = time.perf_counter()
        while True:  # once at least, however late it is
            statuses[await client.ask(load)] += 1
            before, now = now, time.perf_counter()
            latencies.append(now - before)
            if now >= begun + load.seconds:
                break

    await asyncio.gather(*map(keep_asking, clients))
    found = summary(time.perf_counter() - begun, latencies, statuses)
    await meanwhile
    for _, writer in waiting:
        writer.close()
    told = [client.body for client in clients]
    await _once(clients, load, load.check)  # without a check they have what they were told
    found["lost"] = sum(one.body != body for one, body in zip(clients, told, strict=True))
    for client in clients:
        await client.close()
    found["written"] = written + load.writes * found["answered"]
    return found


async def _once(clients: list[Client], load: Load, request: Mapping[str, Any] | None) -> int:
    """Have each client send *request* once; return how many writes were answered."""
    if not request:
        return 0
    other = Load(load.port, timeout=load.timeout, **request)
    statuses = await asyncio.gather(*(client.ask(other) for client in clients))
    return other.writes * sum(status.startswith("2") for status in statuses)


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


if __name__ == "__main__":
    json.dump(asyncio.run(drive(Load(**json.loads(sys.argv[1])))), sys.stdout)
