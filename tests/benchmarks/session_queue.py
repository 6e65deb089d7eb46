"""How requests with one session wait for each other, and what that costs other visitors.

Run ``python -m tests.benchmarks.session_queue``, or with ``postgresql``, or with a URL.
Printed are, of 50 requests at once with one session whose handler takes 10 ms:

- how long after the start each was served, as a multiple of its fair wait: its place in the queue
  times what such a request takes alone; the issue allows 1.5
- the rate of other visitors, with sessions of their own, while 50 wait, and while one client asks
  for the same session without waiting: the loss to the waiting; the issue allows 10 %
- the server's processor time for each request of the one and of the other, which another program's
  load changes less: what the waiting costs
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cherrypy

from tests.conftest import Postgres, serving

AT_ONCE, OTHERS, TURNS, SECONDS = 50, 4, 7, 2.0


class Root:
    @cherrypy.expose
    def work(self) -> str:
        """Change the session, and take 10 ms."""
        cherrypy.session["n"] = cherrypy.session.get("n", 0) + 1
        time.sleep(0.01)
        return str(cherrypy.session["n"])

    @cherrypy.expose
    def visit(self) -> str:
        """Change the session."""
        cherrypy.session["n"] = cherrypy.session.get("n", 0) + 1
        return str(cherrypy.session["n"])


def serve(url: str, port: int) -> None:
    """Serve until killed, with a thread for each client."""
    from cpkit.plugins import DatabasePlugin
    from cpkit.sessions import DatabaseSession

    cherrypy.config.update(
        {
            "environment": "production",
            "log.screen": False,
            "server.socket_host": "127.0.0.1",
            "server.socket_port": port,
            "server.thread_pool": AT_ONCE + OTHERS + 6,
            "server.socket_queue_size": 128,
        }
    )
    cherrypy.engine.db = DatabasePlugin(cherrypy.engine, url, pool_size=10)
    cherrypy.engine.db.subscribe()
    kept = {"tools.sessions.on": True, "tools.sessions.storage_class": DatabaseSession}
    cherrypy.quickstart(Root(), "/", {"/": kept})


class Visitor:
    """A client with a connection, and a session that others may have too."""

    def __init__(self, port: int, cookie: str | None = None) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.cookie = cookie

    def ask(self, path: str) -> int:
        """Send one request; return its status."""
        self._line.request("GET", path, headers={"Cookie": self.cookie} if self.cookie else {})
        answer = self._line.getresponse()
        answer.read()
        set_cookie = answer.getheader("Set-Cookie")
        if set_cookie and not self.cookie:
            self.cookie = set_cookie.partition(";")[0]
        return answer.status


def burst(port: int, cookie: str | None) -> tuple[list[float], int]:
    """Return when each of those was served who ask at once, in order; and how many were refused."""
    visitors = [Visitor(port, cookie) for _ in range(AT_ONCE)]
    for visitor in visitors:
        visitor._line.connect()
    gate, ends, statuses = threading.Barrier(AT_ONCE + 1), [], []

    def go(visitor: Visitor) -> None:
        gate.wait()
        statuses.append(visitor.ask("/work"))
        ends.append(time.perf_counter())

    threads = [threading.Thread(target=go, args=(visitor,)) for visitor in visitors]
    for thread in threads:
        thread.start()
    gate.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    return sorted(end - began for end in ends), sum(status != 200 for status in statuses)


def alone(port: int, cookie: str | None) -> float:
    """Return the seconds that such a request takes when nobody waits."""
    visitor, times = Visitor(port, cookie), []
    for _ in range(AT_ONCE):
        began = time.perf_counter()
        visitor.ask("/work")
        times.append(time.perf_counter() - began)
    return statistics.mean(times)


def repeat(count: int, make: Callable[[], Visitor], path: str, over: threading.Event) -> list[int]:
    """Have *count* visitors ask until it is *over*; return a list that their number is put into."""
    done: list[int] = []

    def go() -> None:
        visitor = make()
        while not over.is_set():
            visitor.ask(path)
            done.append(1)

    for _ in range(count):
        threading.Thread(target=go, daemon=True).start()
    return done


def processor_seconds(pid: int) -> float:
    """Return what the process *pid* has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def others_rate(port: int, pid: int, cookie: str | None, busy: int) -> tuple[float, float, float]:
    """Return what is served while *busy* clients want one session.

    Requests a second of others, and of the session; the server's microseconds for each.
    """
    over = threading.Event()
    session = repeat(busy, lambda: Visitor(port, cookie), "/work", over)
    others = repeat(OTHERS, lambda: Visitor(port), "/visit", over)
    time.sleep(0.5)
    before, used = (len(others), len(session)), processor_seconds(pid)
    time.sleep(SECONDS)
    served = len(others) - before[0], len(session) - before[1]
    used = (processor_seconds(pid) - used) / sum(served) * 1e6
    over.set()
    time.sleep(1)  # those who wait are served
    return served[0] / SECONDS, served[1] / SECONDS, used


def measure(port: int, pid: int) -> None:
    """Print the figures."""
    first = Visitor(port)
    first.ask("/work")
    worst, last, refused = [], [], 0
    for _ in range(TURNS):
        fair = alone(port, first.cookie)
        ends, failed = burst(port, first.cookie)
        refused += failed
        # NOTE: the first few wait for the threads of this process to begin, not for the session.
        worst.append(max(end / (place * fair) for place, end in enumerate(ends, 1) if place > 5))
        last.append(ends[-1] / (AT_ONCE * fair))
    print(f"served after, times the fair wait: {told(worst)} worst, {told(last)} the last one")
    print(f"refused: {refused} of {TURNS * AT_ONCE}")
    losses, costs, rates = [], [], []
    for turn in range(TURNS):
        order = (1, AT_ONCE) if turn % 2 else (AT_ONCE, 1)
        found = {busy: others_rate(port, pid, first.cookie, busy) for busy in order}
        one, many = found[1], found[AT_ONCE]
        losses.append(1 - many[0] / one[0])
        costs.append(many[2] / one[2])
        rates.append((*one, *many))
    medians = [statistics.median(each) for each in zip(*rates, strict=True)]
    shape = "others {:.0f}/s, the session {:.0f}/s, {:.0f} µs of the server's for each"
    print("beside one: ", shape.format(*medians[:3]))
    print("beside 50: ", shape.format(*medians[3:]))
    print(f"others lose {told(losses)}; a request costs {told(costs)} times as much")


def told(values: list[float]) -> str:
    """Return the median and the range of *values*."""
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"


@contextlib.contextmanager
def database(name: str) -> Iterator[str]:
    """Yield the URL of the database *name*: "sqlite", "postgresql", or a URL itself."""
    if name == "postgresql":
        with serving(Postgres) as server:
            yield server.url
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/sessions.sqlite" if name == "sqlite" else name


def wait_for(port: int) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            Visitor(port).ask("/visit")
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def main() -> None:
    """Serve in another process, and measure."""
    if sys.argv[1:2] == ["--serve"]:
        serve(sys.argv[2], int(sys.argv[3]))
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with database((*sys.argv[1:], "sqlite")[0]) as url:
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.session_queue",
            "--serve",
            url,
            str(port),
        ]
        with subprocess.Popen(command) as server:
            try:
                wait_for(port)
                measure(port, server.pid)
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
