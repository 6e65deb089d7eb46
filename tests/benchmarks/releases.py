"""Count how often a request lets go of the interpreter's lock: ``make bench-releases``.

Each release lets another thread run, and has this one wait to go on: under load that costs more
than the work itself. The demo and the tutorial's chapter 9 are asked without a server, one
request at a time, so that a count is the same on every machine. Valgrind tells who calls
CPython's ``drop_gil``, or ``PyEval_SaveThread`` where an interpreter is without its symbols.
"""

import json
import logging
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cherrypy

from cpkit.testing import Client
from tests.benchmarks import icount
from tests.benchmarks.load import programs
from tests.benchmarks.strings import create_table
from tests.benchmarks.wsgi import QUIET

WARM, REQUESTS = 10, 20
GOALS = {"GET": 12, "POST": 18}
_RELEASE = {"drop_gil", "PyEval_SaveThread"}
# Callgrind tells recursions apart by 'N.
_CALLS = re.compile(r"^(fn|cfn|calls)=([^'\n ]*)", re.MULTILINE)


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
    at: dict[str, str] = {}
    for kind, value in _CALLS.findall(written):
        at[kind] = value
        if kind == "calls" and at["cfn"] in _RELEASE and at["fn"] not in _RELEASE:
            found[at["fn"]] += int(value)
    return {name: count / requests for name, count in found.most_common()}


def _demo(url: str, log: Path) -> None:
    from demo.app import assemble

    assemble(url, logging.FileHandler(log))
    cherrypy.engine.staff.frequency = 0  # its rounds are no part of a request


def _tutorial(url: str, log: Path) -> None:
    create_table(url)
    app = cherrypy.tree.mount(*programs.program("connecting", url))
    app.log.access_file = str(log)


PROGRAMS = {"demo": _demo, "chapter 9": _tutorial}


def _child(name: str, out: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        cherrypy.config.update(QUIET)
        cherrypy.server.unsubscribe()
        PROGRAMS[name](f"sqlite:///{folder}/strings.db", Path(folder, "access.log"))
        cherrypy.config.update({"log.screen": False, "engine.autoreload.on": False})
        cherrypy.engine.start()
        try:
            print(json.dumps(_counted(icount.Counter(out))))
        finally:
            cherrypy.engine.exit()


def _counted(counter: icount.Counter) -> dict[str, dict[str, float]]:
    visitor, asked = Client(), {"headers": {"Accept": "text/plain"}}
    calls = {
        "POST": lambda: visitor.post("/generator", data={"length": "8"}, **asked),
        "GET": lambda: visitor.get("/generator", **asked),
    }
    for call in calls.values():
        for _ in range(WARM):
            assert call().status_code < 300
    with counter.running():
        told = {method: counter.written(calls[method], REQUESTS) for method in GOALS}
    return {method: releases(written, REQUESTS) for method, written in told.items()}


if __name__ == "__main__":
    if len(sys.argv) > 2:
        _child(*sys.argv[1:])
    else:
        sys.exit(main(sys.argv[1:]))
