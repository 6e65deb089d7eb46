"""Count how often a request lets go of the interpreter's lock: ``make bench-releases``.

Each release lets another thread run, and has this one wait to go on: under load that costs more
than the work itself. The demo and the tutorial's chapter 9 are asked without a server, one
request at a time, so that a count is the same on every machine. Valgrind tells who calls
CPython's ``drop_gil``, or ``PyEval_SaveThread`` where an interpreter is without its symbols.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cherrypy

from cpkit.testing import Client
from tests.benchmarks import icount
from tests.benchmarks.load import programs
from tests.benchmarks.wsgi import QUIET, sender

TEXT = {"Accept": "text/plain"}
WARM, REQUESTS = 10, 20
GOALS = {"GET": 12, "POST": 18}
_RELEASE = {"drop_gil", "PyEval_SaveThread"}
_CALLS = re.compile(r"^(fn|cfn|calls)=(.*)", re.MULTILINE)


def main(names: Sequence[str]) -> int:
    """Print the releases of a GET and of a POST, and who makes them; return the exit code."""
    over = False
    for name in names or PROGRAMS:
        for method, found in icount.under_valgrind(f"{__package__}.releases", name).items():
            total = sum(found.values())
            over |= name == "demo" and total > GOALS[method]
            by = ", ".join(f"{caller} {count:g}" for caller, count in found.items())
            print(f"{name:9} {method:4} {total:5.1f} releases a request: {by}", flush=True)
    print(f"goal for the demo: GET <= {GOALS['GET']}, POST <= {GOALS['POST']}")
    return over


def releases(written: str, requests: int) -> dict[str, float]:
    """Return, by the function of C that lets go, how often it does so in a request.

    *written* is callgrind's, about so many *requests*.
    """
    found: Counter[str] = Counter()
    caller = called = ""
    for kind, value in _CALLS.findall(written):
        if kind == "fn":
            caller = _function(value)
        elif kind == "cfn":
            called = _function(value)
        elif called in _RELEASE and caller not in _RELEASE:
            found[caller] += int(value.split()[0])
    return {name: count / requests for name, count in found.most_common()}


def _function(name: str) -> str:
    return name.partition("'")[0]  # callgrind tells recursions apart by 'N


def _demo(folder: Path) -> None:
    from demo.app import assemble

    assemble(f"sqlite:///{folder}/demo.db", logging.FileHandler(folder / "access.log"))
    cherrypy.engine.staff.frequency = 0  # its rounds are no part of a request


def _tutorial(folder: Path) -> None:
    url = f"sqlite:///{folder}/tutorial.db"
    programs.create_table(url)
    app = cherrypy.tree.mount(*programs.root("connecting", url))
    app.log.access_file = str(folder / "access.log")


PROGRAMS: dict[str, Callable[[Path], None]] = {"demo": _demo, "chapter 9": _tutorial}


def _child(name: str, out: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cherrypy.config.update(QUIET)
        cherrypy.server.unsubscribe()
        PROGRAMS[name](Path(folder))
        cherrypy.config.update({"log.screen": False, "engine.autoreload.on": False})
        cherrypy.engine.start()
        try:
            print(json.dumps(_counted(out)))
        finally:
            cherrypy.engine.exit()


def _counted(out: str) -> dict[str, dict[str, float]]:
    app, calls = cherrypy.tree, {}
    visitor = Client(app)
    visitor.post("/generator", data={"length": "8"}, headers=TEXT)
    cookies = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
    fields = {**TEXT, "Cookie": cookies}
    for method, body in (("GET", b""), ("POST", b"length=8")):
        calls[method] = call = sender(app, method, "/generator", fields, body)
        for _ in range(WARM):
            status, _ = call()
            assert status.startswith("20"), status
    counter = icount.Counter(out)
    with counter.running():
        told = {method: counter.written(call, REQUESTS) for method, call in calls.items()}
    return {method: releases(written, REQUESTS) for method, written in told.items()}


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _child(*sys.argv[1:])
    else:
        sys.exit(main(sys.argv[1:]))
