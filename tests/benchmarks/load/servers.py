"""Servers that are started, put under load in turns, and ended; and what each came to."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from tests.benchmarks.load.driver import HOST, Load
from tests.benchmarks.machine import ROOT

READY_WITHIN = 30.0


@dataclass(frozen=True)
class Program:
    """A server and how to start it; ``{port}`` in the *command* is replaced.

    *stored* is the path that answers how many writes are stored; where there is none, each client
    reads again what it was last told.
    """

    name: str
    command: Sequence[str]
    stored: str | None = "/stored"


@dataclass
class Running:
    """A program that runs, its port, and how many writes it has answered."""

    program: Program
    process: subprocess.Popen[bytes]
    port: int
    answered: int = 0
    unread: int = 0

    def drive(self, workload: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Put the load on, from another process; return its summary and the processor time."""
        load = Load(self.port, **{**workload, "seconds": seconds})
        if self.program.stored:
            load = Load(**{**asdict(load), "check": None})
        before = processor_seconds(self.process.pid)
        command = [sys.executable, "-m", "tests.benchmarks.load.driver", json.dumps(asdict(load))]
        ended = subprocess.run(
            command, cwd=ROOT, capture_output=True, check=True, timeout=seconds + 60
        )
        found: dict[str, Any] = json.loads(ended.stdout)
        spent = processor_seconds(self.process.pid) - before
        found["cpu"] = round(1e6 * spent / max(1, found["answered"]))
        found["memory"] = round(sum(map(_resident, _family(self.process.pid))) / 1e6)
        self.answered += found["written"]
        self.unread += found["lost"]
        return found

    def lost(self) -> int:
        """Return how many answered writes are not stored, or were not to be read again."""
        if self.program.stored is None:
            return self.unread
        with urlopen(f"http://{HOST}:{self.port}{self.program.stored}", timeout=30) as page:
            return self.answered - int(page.read())


def _family(pid: int) -> list[int]:
    """Return a process and its children, as a server with workers has them."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text().split()]
    return found


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process and its children, of all their threads."""
    of = (Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in _family(pid))
    return sum(int(fields[11]) + int(fields[12]) for fields in of) / 100


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


@contextlib.contextmanager
def running(programs: Sequence[Program]) -> Iterator[list[Running]]:
    """Start every program once the one before accepts connections; end them all."""
    started: list[Running] = []
    quiet = subprocess.DEVNULL
    try:
        for program in programs:
            with socket.create_server((HOST, 0)) as taken:
                port = taken.getsockname()[1]
            command = [part.replace("{port}", str(port)) for part in program.command]
            process = subprocess.Popen(command, cwd=ROOT, stdout=quiet, stderr=quiet)
            started.append(Running(program, process, port))
            _wait(started[-1])  # one by one: thirty interpreters at once are late on any machine
        yield started
    finally:
        for one in started:
            one.process.terminate()
        for one in started:
            try:
                one.process.wait(10)
            except subprocess.TimeoutExpired:
                one.process.kill()
                one.process.wait()


def _wait(one: Running) -> None:
    deadline = time.monotonic() + READY_WITHIN
    while True:
        with contextlib.suppress(OSError), socket.create_connection((HOST, one.port), 1):
            return
        if one.process.poll() is not None or time.monotonic() > deadline:
            command = " ".join(one.program.command)
            raise RuntimeError(f"{one.program.name} does not serve: {command}")
        time.sleep(0.05)


Taken = dict[str, dict[str, list[dict[str, Any]]]]


def take_turns(
    programs: Sequence[Program],
    workloads: Mapping[str, Mapping[str, Any]],
    cycles: int,
    seconds: float,
) -> Taken:
    """Return, by workload and program, the summaries of all cycles, each in random order."""
    shuffled = random.Random(0)
    found: Taken = {name: {program.name: [] for program in programs} for name in workloads}
    with running(programs) as servers:
        for cycle in range(1, cycles + 1):
            for name, workload in workloads.items():
                for one in shuffled.sample(servers, len(servers)):
                    made = one.drive(workload, seconds)
                    found[name][one.program.name].append(made)
                    told = f"[{cycle}/{cycles}] {name:18} {one.program.name:34} {_line(made)}"
                    print(told, flush=True)
        for one in servers:
            lost = one.lost()
            for taken in found.values():
                for made in taken[one.program.name]:
                    made["lost"] = lost
    return found


def _line(made: Mapping[str, Any]) -> str:
    return (
        f"{made['rate']:7.0f}/s  p50 {made['p50']:6.1f}  p99 {made['p99']:7.1f} ms"
        f"  {made['cpu']:5d} µs CPU  {made['memory']} MB  {made['errors']} errors"
    )


def condense(
    cycles: Sequence[Mapping[str, Any]], base: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the medians of a program's cycles, and of its ratios to the *base* in each cycle."""
    # Of a base that answered nothing there is no ratio: the rate itself stands in its place.
    ratios = [one["rate"] / (other["rate"] or 1) for one, other in zip(cycles, base, strict=True)]
    medians = {
        name: round(statistics.median(one[name] for one in cycles), 2)
        for name in ("rate", "p50", "p99", "cpu", "memory")
    }
    return {
        **medians,
        "max": max(one["max"] for one in cycles),
        "ratio": round(statistics.median(ratios), 3),
        "errors": sum(one["errors"] for one in cycles),
        "lost": cycles[0]["lost"],
    }
