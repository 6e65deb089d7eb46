"""Count what those who wait for a session cost others: ``make bench-waiting``.

The same requests are asked twice: those of one session one at a time and all at once, those of
other visitors beside them. There is no server and no clock: valgrind counts the instructions of the
process. What the second way takes more, waiting has cost; its share is told of what the other
visitors' requests take, as if all of it were their loss.
"""

import json
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import cherrypy

from cpkit.testing import Client
from tests.benchmarks import icount
from tests.benchmarks.load import programs
from tests.benchmarks.load.__main__ import databases
from tests.benchmarks.wsgi import QUIET

KINDS = ("sqlite", "postgresql")
AT_ONCE, OTHERS, EACH = 50, 4, 25
ALL = AT_ONCE + OTHERS * EACH
GOAL = 0.10


def main(kinds: Sequence[str]) -> int:
    """Print what waiting costs on each of the *kinds* of database; return the exit code."""
    over = False
    for kind in kinds or KINDS:
        found = icount.under_valgrind(f"{__package__}.waiting", kind)
        alone, beside = (found[str(size)] / ALL for size in (1, AT_ONCE))
        loss = (beside - alone) / alone * ALL / (OTHERS * EACH)
        over |= loss > GOAL
        told = f"{alone:,.0f} instructions a request, {beside:,.0f} beside {AT_ONCE} at once"
        print(f"{kind}: {told}; others lose {loss:.1%} at most (goal {GOAL:.0%})", flush=True)
    return over


class Crowd:
    """Threads that are there already, each with a client that has a session and asks for *path*."""

    def __init__(self, size: int, path: str, each: int, is_one_visitor: bool) -> None:
        self.clients = [Client() for _ in range(size)]
        self.path, self.each, self._pool = path, each, ThreadPoolExecutor(size)
        for client in self.clients:
            if is_one_visitor:
                client.cookies.update(self.clients[0].cookies)
            assert client.get("/visit").status_code == 200
        together = Barrier(size)  # so that there are as many threads as clients
        list(self._pool.map(lambda client: (client.get("/visit"), together.wait()), self.clients))

    def begin(self) -> list[object]:
        return [self._pool.submit(self._ask, client) for client in self.clients]

    def _ask(self, client: Client) -> None:
        for _ in range(self.each):
            assert client.get(self.path).status_code == 200


def _counted(counter: icount.Counter) -> dict[int, int]:
    found = {}
    others = Crowd(OTHERS, "/visit", EACH, is_one_visitor=False)
    for size in (1, AT_ONCE):
        crowd = Crowd(size, "/work", AT_ONCE // size, is_one_visitor=True)

        def ask(crowd: Crowd = crowd) -> None:
            for asked in [*others.begin(), *crowd.begin()]:
                asked.result()

        ask()
        with counter.running():
            found[size] = counter.count(ask, 1)
    return found


def _child(kind: str, out: str) -> None:
    cherrypy.config.update({**QUIET, "engine.autoreload.on": False})
    cherrypy.server.unsubscribe()
    with databases() as make:
        patient = {"tools.sessions.lock_wait": 600, "tools.sessions.lease": 600}
        made = programs.program("core", make(kind, "counted"), "implicit", timeout=600)
        cherrypy.tree.mount(*made).merge({"/": patient})
        cherrypy.engine.start()
        try:
            print(json.dumps(_counted(icount.Counter(out))))
        finally:
            cherrypy.engine.exit()


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _child(*sys.argv[1:])
    else:
        sys.exit(main(sys.argv[1:]))
