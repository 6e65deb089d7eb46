"""Servers that are started, put under load in turns, and ended; and what each came to."""

import contextlib
import random
import statistics
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import psutil
from mirakuru import TCPExecutor

from tests.benchmarks.load.driver import HOST, Load, drive
from tests.benchmarks.machine import ROOT

READY_WITHIN = 30.0
Taken = dict[str, dict[str, list[dict[str, Any]]]]


@dataclass
class Server:
    """A program, how to start it, where it listens, and how many writes it has answered.

    *stored* says how many writes there are; without it each client reads again what it was last
    told.
    """

    name: str
    command: Sequence[str]
    port: int
    stored: Callable[[], int] | None = None
    answered: int = 0
    unread: int = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Serve for as long as the block lasts."""
        how = {"cwd": ROOT, "timeout": READY_WITHIN}
        how |= dict.fromkeys(("stdout", "stderr"), subprocess.DEVNULL)
        with TCPExecutor(self.command, HOST, self.port, **how) as started:
            self.process = psutil.Process(started.process.pid)
            yield

    def drive(self, load: Load, apart: Executor) -> dict[str, Any]:
        """Put the load on, from another process; return its summary.

        The processor time is a request's, those beside it included.
        """
        load = replace(load, port=self.port, check=None if self.stored else load.check)
        before = self._processor()
        found = apart.submit(drive, load).result(timeout=load.seconds + 60)
        beside = found["beside"]
        answered = found["answered"] + sum(other["answered"] for other in beside)
        found["beside"] = round(sum(other["rate"] for other in beside), 1)
        found["cpu"] = round(1e6 * (self._processor() - before) / max(1, answered))
        found["memory"] = round(sum(one.memory_info().rss for one in self._family()) / 1e6)
        self.answered += found["written"]
        self.unread += found["lost"]
        return found

    def _family(self) -> list[psutil.Process]:
        return [self.process, *self.process.children()]  # a server's workers are its children

    def _processor(self) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in self._family())

    def lost(self) -> int:
        """Return how many answered writes are not stored, or were not to be read again."""
        return self.answered - self.stored() if self.stored else self.unread


def take_turns(servers: Sequence[Server], workloads: Mapping[str, Load], cycles: int) -> Taken:
    """Return, by workload and server, the summaries of all cycles, each in random order."""
    shuffled = random.Random(0)
    found: Taken = {name: {server.name: [] for server in servers} for name in workloads}
    with contextlib.ExitStack() as serving, ProcessPoolExecutor(1) as apart:
        for one in servers:  # one by one: thirty interpreters at once are late on any machine
            serving.enter_context(one.running())
        for cycle in range(1, cycles + 1):
            for name, load in shuffled.sample([*workloads.items()], len(workloads)):
                for one in shuffled.sample(servers, len(servers)):
                    made = one.drive(load, apart)
                    found[name][one.name].append(made)
                    print(f"[{cycle}/{cycles}] {name:18} {one.name:34} {_line(made)}", flush=True)
    return found


def _line(made: Mapping[str, Any]) -> str:
    return (
        f"{made['rate']:7.0f}/s  p50 {made['p50']:6.1f}  p99 {made['p99']:7.1f} ms"
        f"  {made['cpu']:5d} µs CPU  {made['memory']} MB  {made['errors']} errors"
        f"  {made['beside']:.0f}/s beside"
    )


def condense(
    cycles: Sequence[Mapping[str, Any]], base: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the medians of a program's cycles, and of its ratios to the *base* in each cycle."""
    # Of a base that answered nothing there is no ratio: the rate itself stands in its place.
    ratios = [one["rate"] / (other["rate"] or 1) for one, other in zip(cycles, base, strict=True)]
    medians = {
        name: round(statistics.median(one[name] for one in cycles), 2)
        for name in ("rate", "beside", "p50", "p99", "cpu", "memory")
    }
    return {
        **medians,
        "max": max(one["max"] for one in cycles),
        "ratio": round(statistics.median(ratios), 3),
        "errors": sum(one["errors"] for one in cycles),
    }
