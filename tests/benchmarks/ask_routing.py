"""What a look-up costs: IndexedMapper beside Routes, falcon, werkzeug and starlette.

The answers are checked when a case is built: every variant finds the right route for every path,
its variables, and the method. cpkit's result holds the route's defaults too, as Routes' does.
Each path is a new string in every look-up, as it is in every request.

Of 10,000 routes falcon takes one or two minutes to build, starlette milliseconds to find one: they
are left out there. ``CPKIT_BENCH_FULL=1 python -m tests.benchmarks routing`` asks them too.
``python -m tests.benchmarks.ask_routing`` tells what time and memory 10,000 routes take, and how
long one look-up takes between two requests, where the processor's caches hold other things.
"""

from __future__ import annotations

import gc
import itertools
import os
import re
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

from tests.benchmarks.questions import Call, Case, question

Table = list[tuple[str, str]]  # (method, template)
Find = Callable[[str, dict[str, str]], Any]
ENVIRONS = {method: {"REQUEST_METHOD": method} for method in ("GET", "POST", "PUT", "DELETE")}
# Few paths, asked for again and again, so that the router is timed and not the processor's cache;
# fewer of large tables, since others than cpkit take milliseconds for one.
SAMPLES = {10: 10, 100: 20, 1000: 8, 10_000: 4}
FULL = bool(os.environ.get("CPKIT_BENCH_FULL"))
OURS = "cpkit IndexedMapper"


def github() -> Table:
    """Return the 203 routes of GitHub's API."""
    lines = Path(__file__).with_name("github_api.txt").read_text().splitlines()
    rows = [line.split() for line in lines if not line.startswith("#")]
    return [(method, path) for path, *methods in rows for method in methods]


def unique(count: int) -> Table:
    """Return routes that differ in their first segment."""
    return [("GET", f"/svc{number}/{{id}}/book/{{book}}") for number in range(count)]


def shared(count: int) -> Table:
    """Return routes that share a prefix and a variable before they differ."""
    return [("GET", f"/api/v1/{{tenant}}/res{number}/{{id}}") for number in range(count)]


def nova(count: int) -> Table:
    """Return routes of the kind that OpenStack's services have: each URL twice, below a project's
    id and without it; versions in front of some, ids in the middle."""
    table: Table = []
    for number in range(count // 8 + 1):
        for head in ("/{project:[0-9a-f-]+}", ""):
            table += [
                ("GET", f"{head}/resources{number}"),
                ("GET", f"{head}/resources{number}/detail"),
                ("GET", f"{head}/resources{number}/{{id}}"),
                ("POST", f"{head}/resources{number}/{{id}}/action"),
            ]
    return table[:count]


def kubernetes() -> Table:
    """Return 999 routes of the kind that the Kubernetes API has: long prefixes that many share."""
    groups = [f"apis/group{number}.example.org/v{1 + number % 2}" for number in range(13)]
    table: Table = []
    for number in range(84):
        group = ["api/v1", *groups][number % 14]
        below = f"/{group}/namespaces/{{namespace}}/resources{number}"
        table += [(method, below) for method in ("GET", "POST", "DELETE")]
        table += [(method, below + "/{name}") for method in ("GET", "PUT", "DELETE")]
        table += [(method, below + "/{name}/status") for method in ("GET", "PUT")]
        table.append(("GET", f"/{group}/resources{number}"))
        table.append(("GET", f"/{group}/watch/resources{number}"))
        table.append(("GET", f"/{group}/watch/namespaces/{{namespace}}/resources{number}"))
        table.append(("GET", f"/{group}/watch/namespaces/{{namespace}}/resources{number}/{{name}}"))
    return table[:999]


def _cpkit(table: Table) -> Find:
    find: Find = _declare(table).routematch
    return find


def _routes(table: Table) -> Find:
    from routes import Mapper

    mapper = Mapper(register=False)
    for number, (method, path) in enumerate(table):
        condition = {"method": [method]}
        mapper.connect(path, controller=f"c{number}", action="show", conditions=condition)
    mapper.create_regs([])
    return mapper.routematch


def _falcon(table: Table) -> Find:
    from falcon.routing import CompiledRouter

    router, resources = CompiledRouter(), {}
    for method, path in table:
        path = re.sub(r"\{(\w+):\\d\+\}", r"{\1:int}", path)
        resource = resources.setdefault(path, type("Resource", (), {})())
        setattr(resource, f"on_{method.lower()}", lambda req, resp, **params: None)
    for path, resource in resources.items():
        router.add_route(path, resource)
    router.find("/")
    find = router.find

    def found(path: str, environ: dict[str, str]) -> Any:
        answer = find(path)
        return answer and (answer, answer[1][environ["REQUEST_METHOD"]])

    return found


def _werkzeug(table: Table) -> Find:
    from werkzeug.exceptions import HTTPException
    from werkzeug.routing import Map, Rule

    rules = []
    for number, (method, path) in enumerate(table):
        path = re.sub(r"\{(\w+)\}", r"<\1>", path)
        path = re.sub(r"\{(\w+):\\d\+\}", r"<int:\1>", path)
        rules.append(Rule(path, methods=[method], endpoint=str(number)))
    match = Map(rules).bind("localhost").match

    def found(path: str, environ: dict[str, str]) -> Any:
        try:
            return match(path, environ["REQUEST_METHOD"])
        except HTTPException:
            return None

    found("/", ENVIRONS["GET"])
    return found


def _starlette(table: Table) -> Find:
    from starlette.routing import Match, Route

    routes = [
        Route(re.sub(r":\\d\+\}", ":int}", path), lambda request: None, methods=[method])
        for method, path in table
    ]

    def found(path: str, environ: dict[str, str]) -> Any:
        scope = {"type": "http", "path": path, "method": environ["REQUEST_METHOD"]}
        for route in routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                return child
        return None

    return found


PEERS = {
    "cpkit IndexedMapper": _cpkit,
    "Routes Mapper": _routes,
    "falcon CompiledRouter": _falcon,
    "werkzeug Map": _werkzeug,
    "starlette Route": _starlette,
}


def _case(
    table: Table, peers: Iterable[str] = PEERS, *, miss: str = "", rival: str | None = None
) -> Case:
    """Compare look-ups of some paths of *table*, each with *miss* appended."""
    apart = len(table) // SAMPLES.get(len(table), len(table))
    # From the middle of each stretch: a router that tries one route after another isn't flattered.
    asked = table[apart // 2 :: apart]
    paths = [(re.sub(r"\{[^}]*\}", "12345", path) + miss, method) for method, path in asked]
    return Case(
        {name: _over(name, PEERS[name](table), paths, bool(miss)) for name in peers},
        baseline="Routes Mapper",
        calls=len(paths),
        ours=OURS,
    )


def _over(name: str, find: Find, paths: list[tuple[str, str]], missing: bool) -> Call:
    asked = [(path[:4], path[4:], ENVIRONS[method]) for path, method in paths]
    for head, tail, environ in asked:
        if (find(head + tail, environ) is None) is not missing:
            raise AssertionError(f"{name}: wrong answer for {head + tail}")

    def call() -> None:
        for head, tail, environ in asked:
            find(head + tail, environ)

    return call


@question("routing", "What does finding a route of GitHub's API cost?")
def github_hit() -> Case:
    """The table that routers are compared on since go-http-routing-benchmark: 203 routes, all of
    them asked for."""
    return _case(github(), rival="falcon CompiledRouter")


@question("routing", "What does finding none of GitHub's routes cost?")
def github_miss() -> Case:
    """A 404 must not cost more than a hit: scanners ask for little else."""
    return _case(github(), miss="/no/such/thing")


def _growing(curve: str, make: Callable[[int], Table], size: int) -> None:
    slow = {"falcon CompiledRouter", "starlette Route"} if size > 1000 and not FULL else set()

    few = size <= 1000  # more take minutes to build under valgrind
    title = f"What do {size:,} routes cost, {curve}?"

    @question("routing", title, curve=f"A look-up, {curve}", size=size, counted=few)
    def hit() -> Case:
        """A look-up should not take longer for the routes that it isn't about."""
        rival = "Routes Mapper" if (make, size) == (shared, 1000) else None
        return _case(make(size), [name for name in PEERS if name not in slow], rival=rival)


for _size in (10, 100, 1000, 10_000):
    _growing("each with a prefix of its own", unique, _size)
    _growing("all of one prefix", shared, _size)


def _twice(size: int) -> None:
    @question(
        "routing",
        f"What do {size:,} routes cost, each URL twice?",
        curve="A look-up, each URL twice: below a variable, and without it",
        size=size,
        counted=size <= 1000,
    )
    def hit() -> Case:
        """``/{project:regex}/...`` beside fixed first segments, as in OpenStack's tables: no one
        segment tells the routes apart."""
        return _case(nova(size), ["cpkit IndexedMapper", "Routes Mapper"])


for _size in (100, 1000, 10_000):
    _twice(_size)


@question("routing", "What does a route of Kubernetes' kind of API cost?")
def kubernetes_hit() -> Case:
    """999 routes with long shared prefixes, all of them asked for."""
    return _case(kubernetes(), rival="falcon CompiledRouter")


def _between(name: str, make: Callable[[], Table], peers: Iterable[str]) -> None:
    @question("routing", f"What does a look-up cost between two requests ({name})?", counted=False)
    def cold() -> Case:
        """In a loop, a router's code and tables stay in the processor's caches; between two
        requests they don't. Each call here is a whole request, and one look-up."""
        request, paths = _request(), _asked(make())
        variants: dict[str, Call] = {"a request without a look-up": request}
        for peer in peers:
            variants[peer] = _after(request, PEERS[peer](make()), paths)
        return Case(
            variants,
            baseline="falcon CompiledRouter"
            if "falcon CompiledRouter" in peers
            else "Routes Mapper",
            without=("a request without a look-up",),
        )


def _asked(table: Table) -> list[tuple[str, dict[str, str]]]:
    """Return a path of each route, in an order that no cache can foresee, and its environ."""
    asked = [(re.sub(r"\{[^}]*\}", "12345", path), ENVIRONS[method]) for method, path in table]
    Random(1).shuffle(asked)
    return asked


def _after(request: Call, find: Find, paths: list[tuple[str, dict[str, str]]]) -> Call:
    following = itertools.cycle(paths)

    def call() -> None:
        request()
        find(*next(following))

    return call


def _request() -> Call:
    """Return a call that sends a request to a CherryPy application with two of its tools."""
    import cherrypy

    from tests.benchmarks.wsgi import application, getter

    class Root:
        @cherrypy.expose
        def index(self, **params: str) -> str:
            """Return a page."""
            return "hello"

    tools = {"tools.gzip.on": True, "tools.etags.on": True, "tools.etags.autotags": True}
    return getter(application(Root(), {"/": tools}), "/", {"Accept": "text/html"})


COLD: dict[str, tuple[Callable[[], Table], list[str]]] = {
    "GitHub's API": (github, ["cpkit IndexedMapper", "Routes Mapper", "falcon CompiledRouter"]),
    "Kubernetes' kind": (kubernetes, ["cpkit IndexedMapper", "falcon CompiledRouter"]),
    "OpenStack's kind, 1,000 routes": (
        lambda: nova(1000),
        ["cpkit IndexedMapper", "Routes Mapper"],
    ),
}
for _name, (_make, _peers) in COLD.items():
    _between(_name, _make, _peers)


@question("routing", r"What does a typed variable cost ({id:\d+})?")
def typed() -> Case:
    """A requirement is checked on its segment alone, not by a regex of the whole path."""
    return _case([("GET", f"/svc{number}/{{id:\\d+}}/book") for number in range(1000)])


@question("routing", "What does an optional format cost ({id}{.format})?")
def formatted() -> Case:
    """The other routers have no optional format; Routes finds it by backtracking."""
    table = [("GET", f"/svc{number}/{{id}}{{.format}}") for number in range(1000)]
    return _case(table, ["cpkit IndexedMapper", "Routes Mapper"])


@question("routing", "What does it cost to tell the methods of a URL, for a 405?")
def allowed() -> Case:
    """Routes has no such question; the only answer is to try every method in turn."""
    asked = sorted({re.sub(r"\{[^}]*\}", "12345", path) for _, path in github()})
    methods, try_one = _cpkit(github()).__self__.methods, _routes(github())  # type: ignore[attr-defined]

    def by_trying(path: str) -> frozenset[str]:
        return frozenset(name for name, environ in ENVIRONS.items() if try_one(path, environ))

    if any(methods(path) != by_trying(path) for path in asked):
        raise AssertionError("the methods differ")
    return Case(
        {
            "cpkit IndexedMapper": lambda: [methods(path) for path in asked],
            "Routes Mapper": lambda: [by_trying(path) for path in asked],
        },
        baseline="Routes Mapper",
        calls=len(asked),
    )


@question("routing", "What do 60 dashes cost {a}-{b}-{c}-{d}.html?")
def hostile() -> Case:
    """Backtracking takes time with the fourth power of the path's length; cpkit doesn't."""
    table = [("GET", "/{a}-{b}-{c}-{d}.html")]
    peers = ["cpkit IndexedMapper", "Routes Mapper", "falcon CompiledRouter"]
    path = [("/" + "-" * 60, "GET")]
    return Case(
        {name: _over(name, PEERS[name](table), path, missing=True) for name in peers},
        baseline="Routes Mapper",
    )


@question("routing", "What does it cost to declare and index 1,000 routes?", counted=False)
def build() -> Case:
    """What an application pays at its start."""
    table = shared(1000)
    path, environ = "/api/v1/a/res7/b", ENVIRONS["GET"]
    return Case(
        {
            "cpkit IndexedMapper": lambda: bool(_cpkit(table)(path, environ)),
            "Routes Mapper": lambda: bool(_routes(table)(path, environ)),
            "werkzeug Map": lambda: bool(_werkzeug(table)(path, environ)),
            "starlette Route": lambda: bool(_starlette(table)(path, environ)),
        },
        baseline="Routes Mapper",
        expected=True,
    )


def _declare(table: Table) -> Any:
    from cpkit.routing import IndexedMapper

    mapper = IndexedMapper(register=False)
    for number, (method, path) in enumerate(table):
        condition = {"method": [method]}
        mapper.connect(path, controller=f"c{number}", action="show", conditions=condition)
    return mapper


def _seconds(call: Callable[[], object]) -> float:
    begun = time.process_time()
    call()
    return time.process_time() - begun


def _bytes(call: Callable[[], object]) -> tuple[Any, int]:
    gc.collect()
    before = tracemalloc.get_traced_memory()[0]
    made = call()
    gc.collect()
    return made, tracemalloc.get_traced_memory()[0] - before


def _footprint(table: Table) -> str:
    """Say what *table* takes: CPU time with the garbage collector on, memory by tracemalloc."""
    _declare(table[:10]).create_regs([])
    mapper = _declare(table)
    took = _seconds(lambda: _declare(table)), _seconds(lambda: mapper.create_regs([]))
    del mapper
    tracemalloc.start()
    mapper, declared = _bytes(lambda: _declare(table))
    _, indexed = _bytes(lambda: mapper.create_regs([]))
    tracemalloc.stop()
    return (
        f"{len(table):,} routes: declared in {took[0]:.2f} s, indexed in {took[1]:.2f} s;"
        f" {declared / len(table):,.0f} bytes a route declared,"
        f" {indexed / len(table):,.0f} more for the index"
    )


def _between_requests(make: Callable[[], Table], peers: Iterable[str]) -> str:
    """Say how long one look-up takes after a request: the median of 2,000, peers in turns."""
    request, table = _request(), make()
    finds = {peer: PEERS[peer](table) for peer in peers}
    took: dict[str, list[int]] = {peer: [] for peer in peers}
    for path, environ in itertools.islice(itertools.cycle(_asked(table)), 2_000):
        for peer, find in finds.items():
            request()
            fresh = path[:1] + path[1:]
            begun = time.perf_counter_ns()
            find(fresh, environ)
            took[peer].append(time.perf_counter_ns() - begun)
    medians = {peer: statistics.median(times) for peer, times in took.items()}
    ours = medians[OURS]
    return ", ".join(
        f"{peer} {median / 1000:.1f} us ({median / ours:.2f})" for peer, median in medians.items()
    )


if __name__ == "__main__":
    print("each with a prefix of its own:", _footprint(unique(10_000)))
    print("all of one prefix:", _footprint(shared(10_000)))
    print("OpenStack's kind:", _footprint(nova(10_000)))
    for _name, (_make, _peers) in COLD.items():
        print(f"between two requests, {_name}:", _between_requests(_make, _peers))
