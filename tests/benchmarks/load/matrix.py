"""Start the programs, put the load on them in turns, and say what each came to."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.benchmarks.load.driver import HOST, Load
from tests.benchmarks.machine import ROOT

READY_WITHIN = 30.0


@dataclass(frozen=True)
class Program:
    """Name a server and how to start it; ``{port}`` in the *command* is replaced.

    *stored* is the path that answers how many writes are stored; where there is none, each client
    reads again what it was last told.
    """

    name: str
    command: Sequence[str]
    stored: str | None = "/stored"


@dataclass(frozen=True)
class Workload:
    """Name what the clients do: the method, the path, and what comes first, once."""

    name: str
    method: str
    path: str
    clients: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    first: Mapping[str, Any] | None = None
    check: Mapping[str, Any] | None = None


@dataclass
class Running:
    """Hold a program that runs, its port, and how many writes it has answered."""

    program: Program
    process: subprocess.Popen[bytes]
    port: int
    answered: int = 0
    unread: int = 0

    def drive(self, workload: Workload, seconds: float) -> dict[str, Any]:
        """Put the load on, from another process; return its summary and the processor time."""
        load = Load(
            self.port,
            workload.method,
            workload.path,
            workload.headers,
            workload.body,
            workload.first,
            None if self.program.stored else workload.check,
            workload.clients,
            seconds,
        )
        before = processor_seconds(self.process.pid)
        command = [sys.executable, "-m", "tests.benchmarks.load.driver", json.dumps(asdict(load))]
        ended = subprocess.run(
            command, cwd=ROOT, capture_output=True, check=True, timeout=seconds + 60
        )
        found: dict[str, Any] = json.loads(ended.stdout)
        spent = processor_seconds(self.process.pid) - before
        found["cpu"] = round(1e6 * spent / max(1, found["answered"]))
        self.answered += found["written"]
        self.unread += found["lost"]
        return found

    def lost(self) -> int:
        """Return how many answered writes are not stored, or were not to be read again."""
        if self.program.stored is None:
            return self.unread
        with urlopen(f"http://{HOST}:{self.port}{self.program.stored}", timeout=30) as page:
            return self.answered - int(page.read())


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used, of all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


@contextlib.contextmanager
def running(programs: Sequence[Program]) -> Iterator[list[Running]]:
    """Start every program and wait until it accepts connections; end them all."""
    started: list[Running] = []
    quiet = subprocess.DEVNULL
    try:
        for program in programs:
            port = free_port()
            command = [part.replace("{port}", str(port)) for part in program.command]
            process = subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet)
            started.append(Running(program, process, port))
        for one in started:
            _wait(one)
        yield started
    finally:
        for one in started:
            one.process.terminate()
        for one in started:
            _end(one.process)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server((HOST, 0)) as taken:
        return int(taken.getsockname()[1])


def _wait(one: Running) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, one.port), 1):
            return
        if one.process.poll() is not None or time.monotonic() > deadline:
            command = " ".join(one.program.command)
            raise RuntimeError(f"{one.program.name} does not serve: {command}")
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def take_turns(
    programs: Sequence[Program],
    workloads: Sequence[Workload],
    cycles: int,
    seconds: float,
    progress: Callable[[str], None] = print,
    seed: int = 0,
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return, by workload and program, the summaries of all cycles, each in random order."""
    shuffled = random.Random(seed)
    found: dict[str, dict[str, list[dict[str, Any]]]] = {
        workload.name: {program.name: [] for program in programs} for workload in workloads
    }
    with running(programs) as all_of_them:
        for cycle in range(1, cycles + 1):
            for workload in workloads:
                for one in shuffled.sample(all_of_them, len(all_of_them)):
                    summary = one.drive(workload, seconds)
                    found[workload.name][one.program.name].append(summary)
                    progress(_line(cycle, cycles, workload, one, summary))
        for one in all_of_them:
            lost = one.lost()
            for taken in found.values():
                for summary in taken[one.program.name]:
                    summary["lost"] = lost
    return found


def _line(cycle: int, of: int, workload: Workload, one: Running, found: Mapping[str, Any]) -> str:
    return (
        f"[{cycle}/{of}] {workload.name:10} {one.program.name:28} {found['rate']:7.0f}/s"
        f"  p50 {found['p50']:6.1f}  p99 {found['p99']:7.1f}  max {found['max']:7.1f} ms"
        f"  {found['cpu']:5d} µs CPU  {found['errors']} errors"
    )


Cycles = Sequence[Mapping[str, Any]]


def condense(cycles: Cycles, base: Cycles) -> dict[str, Any]:
    """Return the medians of a program's cycles, and of its ratios to the *base* in each cycle."""
    ratios = [one["rate"] / other["rate"] for one, other in zip(cycles, base, strict=True)]
    medians = {
        name: round(statistics.median(one[name] for one in cycles), 2)
        for name in ("rate", "p50", "p99", "cpu")
    }
    return {
        **medians,
        "max": max(one["max"] for one in cycles),
        "ratio": round(statistics.median(ratios), 3),
        "errors": sum(one["errors"] for one in cycles),
        "lost": cycles[0]["lost"],
    }
