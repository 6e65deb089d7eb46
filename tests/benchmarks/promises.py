"""Pure: what cpkit promises of its speed, and what the results say of it.

A promise is a figure that is read from the results of one run, and its bound. All are ratios, or
costs in the same run: they hold on a slow machine as on a fast one, as far as anything does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.benchmarks.drawing import digits, duration
from tests.benchmarks.readings import Readings

GITHUB = "What does finding a route of GitHub's API cost?"
MISS = "What does finding none of GitHub's routes cost?"
OWN, ONE = "each with a prefix of its own", "all of one prefix"
TYPED = r"What does a typed variable cost ({id:\d+})?"
FORMAT = "What does an optional format cost ({id}{.format})?"
UNSEEN = "What does a browser's Accept field cost, never seen before?"
SEEN = "What does a browser's Accept field cost, seen before?"
NEGOTIATING = "What does negotiation add to a whole request?"
TIMED = "What does it cost a request to be timed?"
HEADER, HISTOGRAMS = "cpkit, phases and header", "cpkit, phases, header, histograms"
UNTOUCHED = "What does the tool cost a request that doesn't touch the database?"
CLIENT = "What does a test's client add to a request?"
SET_UP = "What does it cost to set up the test of an application?"
SQLITE, POSTGRESQL = "Under load: SQLite", "Under load: PostgreSQL"
DEMO = "Under load: the demo beside the tutorial"
CONNECTING, CEILING = "a connection a call", "no database"
RAW, CORE, ORM = "cpkit, raw", "cpkit, Core", "cpkit, ORM"
INDEX, ROUTES, FALCON = "cpkit IndexedMapper", "Routes Mapper", "falcon CompiledRouter"


class Promise(NamedTuple):
    """Hold a promise: its words, what it reads, and the *bound* that this keeps to.

    *at_least* tells on which side; *unit* how both are written: "×", "%", "ns" or "". *without*
    reads the same figure of a server that has no database at all, where that tells something.
    """

    words: str
    figure: Callable[[Readings], float]
    bound: float
    at_least: bool
    unit: str
    without: Callable[[Readings], float] | None = None

    def holds(self, reached: float) -> bool:
        """Tell whether the figure that was *reached* keeps the promise."""
        return reached >= self.bound if self.at_least else reached <= self.bound

    def written(self, value: float) -> str:
        """Write a figure in the promise's unit."""
        if self.unit == "ns":
            return duration(value)
        if self.unit == "%":
            return f"{value:.1%}"
        return f"{digits(value)} {self.unit}".strip()


def at_least(words: str, bound: float, figure: Callable[[Readings], float]) -> Promise:
    """Return the promise of a factor that is at least *bound*."""
    return Promise(words, figure, bound, True, "×")


def more(words: str, bound: float, title: str, workload: str, ours: str) -> Promise:
    """Return the promise of *bound* times the requests a second of a connection a call."""
    figure, without = (_load(title, workload, one, CONNECTING) for one in (ours, CEILING))
    return Promise(words, figure, bound, True, "×", without)


def sooner(words: str, bound: float, title: str, workload: str, ours: str) -> Promise:
    """Return the promise that a connection a call takes *bound* times as long at the p99."""
    figure, without = (_load(title, workload, CONNECTING, one, "p99") for one in (ours, CEILING))
    return Promise(words, figure, bound, True, "×", without)


def at_most(
    words: str, bound: float, figure: Callable[[Readings], float], unit: str = "×"
) -> Promise:
    """Return the promise of a figure that is at most *bound*."""
    return Promise(words, figure, bound, False, unit)


def routes(size: int, prefixes: str) -> str:
    """Return the question about a table of so many routes."""
    return f"What do {size:,} routes cost, {prefixes}?"


def request(size: int) -> str:
    """Return the question about a whole request by so many routes."""
    return f"What does a whole request cost by {size:,} routes?"


def _flat(prefixes: str) -> Callable[[Readings], float]:
    return lambda r: r.time(routes(10_000, prefixes), INDEX) / r.time(routes(10, prefixes), INDEX)


def _adds(title: str, name: str) -> Callable[[Readings], float]:
    return lambda r: r.added(title, name)


def _cheaper(title: str, ours: str, rival: str) -> Callable[[Readings], float]:
    return lambda r: r.added(title, rival) / r.added(title, ours)


def _quicker(title: str, ours: str, rival: str) -> Callable[[Readings], float]:
    return lambda r: r.times(title, rival, ours)


def _load(
    title: str, workload: str, one: str, other: str, field: str = "ratio"
) -> Callable[[Readings], float]:
    return lambda r: r.loads(title, workload, one, other, field)


PLAIN = routes(1000, OWN)
# What a bare request took, in nanoseconds, where the goals in microseconds were set.
BARE_THEN = 162e3

PROMISES = [
    at_least("GitHub's routes: as fast as falcon", 1, _quicker(GITHUB, INDEX, FALCON)),
    at_least("GitHub's routes: faster than Routes", 30, _quicker(GITHUB, INDEX, ROUTES)),
    at_least("1,000 routes: faster than falcon", 10, _quicker(PLAIN, INDEX, FALCON)),
    at_least("1,000 of one prefix: than Routes", 400, _quicker(routes(1000, ONE), INDEX, ROUTES)),
    at_most("10,000 routes beside 10, own prefixes", 1.5, _flat(OWN)),
    at_most("10,000 routes beside 10, one prefix", 1.5, _flat(ONE)),
    at_most("a typed variable beside a plain one", 2.5, lambda r: _beside(r, TYPED)),
    at_most("an optional format beside none", 2.5, lambda r: _beside(r, FORMAT)),
    at_most(
        "no route found beside one found", 1, lambda r: r.time(MISS, INDEX) / r.time(GITHUB, INDEX)
    ),
    at_most(
        "dispatching adds, 10 routes", 15e3, _adds(request(10), "cpkit RoutesDispatcher"), "ns"
    ),
    at_most(
        "dispatching adds, 10,000 routes",
        15e3,
        _adds(request(10_000), "cpkit RoutesDispatcher"),
        "ns",
    ),
    at_least("a new Accept field: faster than CherryPy", 3, _quicker(UNSEEN, "cpkit", "CherryPy")),
    at_most("a known Accept field", 300, lambda r: r.time(SEEN, "cpkit"), "ns"),
    at_most("the accept tool adds", 15e3, _adds(NEGOTIATING, "cpkit"), "ns"),
    at_least(
        "the accept tool: cheaper than CherryPy's", 4, _cheaper(NEGOTIATING, "cpkit", "CherryPy")
    ),
    at_most("phases and header, of a request's time", 0.06, lambda r: r.share(TIMED, HEADER), "%"),
    at_most("… of its instructions", 0.03, lambda r: r.share_of_instructions(TIMED, HEADER), "%"),
    at_most(
        "with histograms, of a request's time", 0.09, lambda r: r.share(TIMED, HISTOGRAMS), "%"
    ),
    at_most(
        "… of its instructions", 0.04, lambda r: r.share_of_instructions(TIMED, HISTOGRAMS), "%"
    ),
    at_least(
        "timing: cheaper than cpstats", 1, _cheaper(TIMED, HEADER, "CherryPy's cpstats, total only")
    ),
    at_least(
        "timing: cheaper than OpenTelemetry",
        12,
        _cheaper(TIMED, HEADER, "OpenTelemetry WSGI, metrics"),
    ),
    at_most("a database that is not touched", 0.03, lambda r: r.share(UNTOUCHED, RAW), "%"),
    at_least(
        "SQLite, POST: of no database, raw",
        0.8,
        _load(SQLITE, "POST, 10 clients", f"{RAW}, NORMAL", CEILING),
    ),
    at_least(
        "SQLite, POST: of no database, Core",
        0.7,
        _load(SQLITE, "POST, 10 clients", f"{CORE}, NORMAL", CEILING),
    ),
    at_least(
        "SQLite, POST: of no database, ORM",
        0.5,
        _load(SQLITE, "POST, 10 clients", f"{ORM}, NORMAL", CEILING),
    ),
    sooner(
        "SQLite, POST: chapter 9's p99 over raw's", 20, SQLITE, "POST, 10 clients", f"{RAW}, NORMAL"
    ),
    at_most(
        "SQLite, POST: raw's p99 beside no database's",
        1.3,
        _load(SQLITE, "POST, 10 clients", f"{RAW}, NORMAL", CEILING, "p99"),
    ),
    more(
        "SQLite, POST, 50 clients: raw over chapter 9",
        2.5,
        SQLITE,
        "POST, 50 clients",
        f"{RAW}, NORMAL",
    ),
    more("SQLite, GET: raw over chapter 9", 1.1, SQLITE, "GET, 10 clients", f"{RAW}, NORMAL"),
    more("SQLite, GET: Core over chapter 9", 0.95, SQLITE, "GET, 10 clients", f"{CORE}, NORMAL"),
    at_most("SQLite: errors and lost writes", 0, lambda r: r.failures(SQLITE), ""),
    more("PostgreSQL, POST: Core over connecting", 1.65, POSTGRESQL, "POST, 10 clients", CORE),
    more("PostgreSQL, POST: raw over connecting", 1.75, POSTGRESQL, "POST, 10 clients", RAW),
    more("PostgreSQL, GET: raw over connecting", 1.8, POSTGRESQL, "GET, 10 clients", RAW),
    at_most("PostgreSQL: errors and lost writes", 0, lambda r: r.failures(POSTGRESQL), ""),
    sooner(
        "the demo, POST: chapter 9's p99 over its own", 15, DEMO, "POST, 10 clients", "cpkit's demo"
    ),
    more("the demo, POST: over chapter 9", 1, DEMO, "POST, 10 clients", "cpkit's demo"),
    more("the demo, POST, 50 clients: over chapter 9", 2, DEMO, "POST, 50 clients", "cpkit's demo"),
    at_most("the demo: errors and lost writes", 0, lambda r: r.failures(DEMO), ""),
    at_least(
        "setting up a test: cheaper than CPWebCase", 300, _quicker(SET_UP, "cpkit", "CPWebCase")
    ),
    at_least(
        "the test client: faster than httpx.WSGITransport",
        1.8,
        _quicker(CLIENT, "cpkit", "httpx.WSGITransport"),
    ),
]


def _beside(readings: Readings, title: str) -> float:
    return readings.time(title, INDEX) / readings.time(PLAIN, INDEX)


def bare(readings: Readings) -> float:
    """Return the nanoseconds of a bare request in this run. Raises KeyError if it has none."""
    return readings.time(TIMED, "CherryPy, nothing on")


def kept(readings: Readings) -> Iterator[tuple[Promise, float | None, float | None]]:
    """Yield each promise, the figure reached, and that without a database; None: not measured."""
    for promise in PROMISES:
        yield promise, _read(promise.figure, readings), _read(promise.without, readings)


def _read(figure: Callable[[Readings], float] | None, readings: Readings) -> float | None:
    try:
        return figure and figure(readings)
    except KeyError:
        return None
