"""How requests with one session wait for each other, and what that costs other visitors.

Run ``python -m tests.benchmarks.session_queue``, or with ``postgresql``. Printed are, of 50
requests at once with one session whose handler takes 10 ms:

- how long after the start each was served, as a multiple of its fair wait: its place in the queue
  times what such a request takes alone; the issue allows 1.5
- the rate of other visitors, with sessions of their own, while 50 wait, and while one client asks
  for the same session without waiting: the loss to the waiting; the issue allows 10 %
- the server's processor time for each request of the one and of the other, which another program's
  load changes less: what the waiting costs
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from typing import Any, NamedTuple

import cherrypy

from tests.benchmarks.load.__main__ import DATABASES
from tests.benchmarks.load.driver import Client, Load, drive
from tests.benchmarks.load.servers import Program, processor_seconds, running

AT_ONCE, OTHERS, TURNS, SECONDS = 50, 4, 7, 2.0


class Root:
    @cherrypy.expose
    def work(self) -> str:
        """Change the session, and take 10 ms."""
        time.sleep(0.01)
        return self.visit()

    @cherrypy.expose
    def visit(self) -> str:
        """Change the session."""
        cherrypy.session["n"] = cherrypy.session.get("n", 0) + 1
        return str(cherrypy.session["n"])


def serve(url: str, port: str) -> None:
    """Serve until ended, with a thread for each client."""
    from cpkit.plugins import DatabasePlugin
    from cpkit.sessions import DatabaseSession

    server = {"socket_port": int(port), "thread_pool": AT_ONCE + OTHERS + 6}
    server["socket_queue_size"] = 128
    cherrypy.config.update({f"server.{name}": value for name, value in server.items()})
    cherrypy.config.update({"environment": "production", "log.screen": False})
    cherrypy.engine.db = DatabasePlugin(cherrypy.engine, url, pool_size=10)
    cherrypy.engine.db.subscribe()
    kept = {"tools.sessions.on": True, "tools.sessions.storage_class": DatabaseSession}
    cherrypy.quickstart(Root(), "/", {"/": kept})


async def burst(port: int) -> tuple[float, list[float], int]:
    """Return what a request takes alone, and those at once, in order; and how many failed."""
    load = Load(port, path="/work", timeout=60)
    clients = [Client(load) for _ in range(AT_ONCE)]
    await clients[0].ask(load)
    begun = time.perf_counter()
    for _ in clients:
        await clients[0].ask(load)
    alone = (time.perf_counter() - begun) / AT_ONCE

    async def served(client: Client) -> tuple[float, str]:
        client.cookie = clients[0].cookie
        status = await client.ask(load)
        return time.perf_counter() - begun, status

    begun = time.perf_counter()
    taken = sorted(await asyncio.gather(*map(served, clients)))
    for client in clients:
        await client.close()
    return alone, [end for end, _ in taken], sum(status != "200" for _, status in taken)


class Rates(NamedTuple):
    """Requests a second of others and of one session, and the server's microseconds for each."""

    others: float
    session: float
    cost: float


async def beside(port: int, pid: int, busy: int) -> Rates:
    """Return what is served while *busy* clients want one session."""
    visitors = Load(port, path="/visit", clients=OTHERS, seconds=SECONDS)
    work = Load(
        port,
        path="/work",
        clients=busy,
        seconds=SECONDS + 1,
        one_visitor=True,
        first={"path": "/visit"},
    )

    async def others_meanwhile() -> dict[str, Any]:
        await asyncio.sleep(0.5)  # by then those who want one session have it
        return await drive(visitors)

    used = processor_seconds(pid)
    session, others = await asyncio.gather(drive(work), others_meanwhile())
    served = session["answered"] + others["answered"] + busy
    used = (processor_seconds(pid) - used) / served * 1e6
    return Rates(others["rate"], session["rate"], used)


def measure(port: int, pid: int) -> None:
    """Print the figures."""
    bursts = [asyncio.run(burst(port)) for _ in range(TURNS)]
    # NOTE: the first few wait for the threads of the server to wake, not for the session.
    worst = [
        max(end / (place * alone) for place, end in enumerate(ends, 1) if place > 5)
        for alone, ends, _ in bursts
    ]
    last = [ends[-1] / (AT_ONCE * alone) for alone, ends, _ in bursts]
    print(f"served after, times the fair wait: {told(worst)} worst, {told(last)} the last one")
    print(f"refused: {sum(failed for *_, failed in bursts)} of {TURNS * AT_ONCE}")
    turns: list[dict[int, Rates]] = []
    for turn in range(TURNS):
        order = (1, AT_ONCE) if turn % 2 else (AT_ONCE, 1)
        turns.append({busy: asyncio.run(beside(port, pid, busy)) for busy in order})
    for busy in (1, AT_ONCE):
        others, session, cost = map(statistics.median, zip(*(t[busy] for t in turns), strict=True))
        rates = f"others {others:.0f}/s, the session {session:.0f}/s"
        print(f"beside {busy}: {rates}, {cost:.0f} µs of the server's for each")
    losses = [1 - turn[AT_ONCE].others / turn[1].others for turn in turns]
    costs = [turn[AT_ONCE].cost / turn[1].cost for turn in turns]
    print(f"others lose {told(losses)}; a request costs {told(costs)} times as much")


def told(values: list[float]) -> str:
    """Return the median and the range of *values*."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


def main(name: str = "sqlite") -> None:
    """Serve in another process, and measure."""
    with DATABASES[name]() as url:
        command = [sys.executable, "-m", "tests.benchmarks.session_queue", url("queue"), "{port}"]
        with running([Program("sessions", command)]) as (server,):
            measure(server.port, server.process.pid)


if __name__ == "__main__":
    serve(*sys.argv[1:]) if len(sys.argv) > 2 else main(*sys.argv[1:])
