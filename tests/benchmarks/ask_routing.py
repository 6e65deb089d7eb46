"""What a look-up costs: IndexedMapper beside Routes, falcon, werkzeug and starlette.

Every variant is seen to find the right route for every path, and by its method. Each path is a new
string in every look-up, as it is in every request. Of 10,000 routes falcon takes one or two minutes
to build, starlette milliseconds to find one: they are left out there.
"""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

from falcon.routing import CompiledRouter
from routes import Mapper
from starlette.routing import Match, Route
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule

from cpkit.routing import IndexedMapper
from tests.benchmarks.questions import Call, Case, question
from tests.benchmarks.wsgi import Page, application, sender

Table = list[tuple[str, str]]  # (method, template)
Find = Callable[[str, dict[str, str]], Any]
ENVIRONS = {method: {"REQUEST_METHOD": method} for method in ("GET", "POST", "PUT", "DELETE")}
# Few paths, asked for again and again, so that the router is timed and not the processor's cache;
# fewer of large tables, since others than cpkit take milliseconds for one.
SAMPLES = {10: 10, 100: 20, 1000: 8, 10_000: 4}
OURS, THEIRS, FALCON = "cpkit IndexedMapper", "Routes Mapper", "falcon CompiledRouter"


def _table(api: str, kinds: Iterable[tuple[object, ...]] = ()) -> Table:
    """Return the routes of a file of lines such as ``/notes/{id} GET DELETE``, filled with each
    of the *kinds* if there are any."""
    text = Path(__file__).with_name(f"{api}_api.txt").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = [line.format(*kind) for kind in kinds for line in lines] or lines
    return [(method, path) for path, *methods in map(str.split, rows) for method in methods]


def _numbered(path: str, count: int) -> Table:
    return [("GET", path.replace("#", str(number))) for number in range(count)]


unique = partial(_numbered, "/svc#/{id}/book/{book}")
shared = partial(_numbered, "/api/v1/{tenant}/res#/{id}")
github = partial(_table, "github")


def openstack(count: int) -> Table:
    return _table("openstack", ((kind,) for kind in range(count // 8 + 1)))[:count]


def kubernetes() -> Table:
    groups = ["api/v1"]
    groups += [f"apis/group{number}.example.org/v{1 + number % 2}" for number in range(13)]
    kinds = ((groups[number % 14], f"resources{number}") for number in range(84))
    return _table("kubernetes", kinds)[:999]


def _mapper(kind: type[Any], table: Table) -> Find:
    mapper = kind(register=False)
    for number, (method, path) in enumerate(table):
        condition = {"method": [method]}
        mapper.connect(path, controller=f"c{number}", action="show", conditions=condition)
    mapper.create_regs([])
    return mapper.routematch


def _falcon(table: Table) -> Find:
    router, resources = CompiledRouter(), defaultdict[str, SimpleNamespace](SimpleNamespace)
    for method, path in table:
        resource = resources[re.sub(r"\{(\w+):\\d\+\}", r"{\1:int}", path)]
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
    rules = []
    for number, (method, path) in enumerate(table):
        path = re.sub(r"\{(\w+):\\d\+\}", r"<int:\1>", re.sub(r"\{(\w+)\}", r"<\1>", path))
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


PEERS = {OURS: partial(_mapper, IndexedMapper), THEIRS: partial(_mapper, Mapper), FALCON: _falcon}
PEERS |= {"werkzeug Map": _werkzeug, "starlette Route": _starlette}
QUICK = [OURS, THEIRS, "werkzeug Map"]


def _asked(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "12345", path)


def _case(table: Table, peers: Iterable[str] = PEERS, *, miss: str = "") -> Case:
    """Compare look-ups of some paths of *table*, each with *miss* appended."""
    apart = len(table) // SAMPLES.get(len(table), len(table))
    # From the middle of each stretch: a router that tries one route after another isn't flattered.
    paths = [(_asked(path) + miss, method) for method, path in table[apart // 2 :: apart]]
    calls = {name: _over(name, PEERS[name](table), paths, bool(miss)) for name in peers}
    return Case(calls, THEIRS, calls=len(paths), ours=OURS)


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
    return _case(github())


@question("routing", "What does finding none of GitHub's routes cost?")
def github_miss() -> Case:
    """A 404 must not cost more than a hit: scanners ask for little else."""
    return _case(github(), miss="/no/such/thing")


def _growing(words: str, make: Callable[[int], Table], of: Iterable[int], also: str = "") -> None:
    title, curve = f"What do {{size:,}} routes cost, {words}?", f"A look-up, {words}{also}"

    @question("routing", title, of, curve=curve)
    def hit(size: int) -> Case:
        """A look-up should not take longer for the routes that it isn't about."""
        peers = [OURS, THEIRS] if make is openstack else PEERS if size <= 1000 else QUICK
        return _case(make(size), peers)


_growing("each with a prefix of its own", unique, SAMPLES)
_growing("all of one prefix", shared, SAMPLES)
# As in OpenStack's tables: no one segment tells the routes apart.
_growing("each URL twice", openstack, list(SAMPLES)[1:], ": below a variable, and without it")


@question("routing", "What does a route of Kubernetes' kind of API cost?")
def kubernetes_hit() -> Case:
    """999 routes with long shared prefixes, all of them asked for."""
    return _case(kubernetes())


def _between(name: str, make: Callable[[], Table], baseline: str, *peers: str) -> None:
    @question("routing", f"What does a look-up cost between two requests ({name})?", counted=False)
    def cold() -> Case:
        """In a loop a router stays in the processor's caches; between two requests it doesn't: each
        call here is a whole request, and one look-up."""
        tools = {"tools.gzip.on": True, "tools.etags.on": True, "tools.etags.autotags": True}
        request = sender(application(Page(), {"/": tools}), "/", {"Accept": "text/html"})
        alone, table = "a request without a look-up", make()
        asked = [(_asked(path), ENVIRONS[method]) for method, path in table]
        Random(1).shuffle(asked)  # an order that no cache can foresee

        def after(find: Find, following: Iterable[Any]) -> Call:
            return lambda: (request(), find(*next(following)))

        calls = {peer: after(PEERS[peer](table), itertools.cycle(asked)) for peer in peers}
        return Case({alone: request, **calls}, baseline, without=[alone])


_between("GitHub's API", github, FALCON, OURS, THEIRS, FALCON)
_between("Kubernetes' kind", kubernetes, FALCON, OURS, FALCON)
_between("OpenStack's kind, 1,000 routes", partial(openstack, 1000), THEIRS, OURS, THEIRS)


@question("routing", r"What does a typed variable cost ({id:\d+})?")
def typed() -> Case:
    """A requirement is checked on its segment alone, not by a regex of the whole path."""
    return _case(_numbered(r"/svc#/{id:\d+}/book", 1000))


@question("routing", "What does an optional format cost ({id}{.format})?")
def formatted() -> Case:
    """The other routers have no optional format; Routes finds it by backtracking."""
    return _case(_numbered("/svc#/{id}{.format}", 1000), [OURS, THEIRS])


@question("routing", "What does it cost to tell the methods of a URL, for a 405?")
def allowed() -> Case:
    """Routes has no such question; the only answer is to try every method in turn."""
    asked = sorted({_asked(path) for _, path in github()})
    methods, try_one = PEERS[OURS](github()).__self__.methods, PEERS[THEIRS](github())

    def by_trying(path: str) -> frozenset[str]:
        return frozenset(name for name, environ in ENVIRONS.items() if try_one(path, environ))

    ways = {OURS: methods, THEIRS: by_trying}
    calls = {name: lambda way=way: [way(path) for path in asked] for name, way in ways.items()}
    return Case(calls, THEIRS, expected=calls[THEIRS](), calls=len(asked))


@question("routing", "What do 60 dashes cost {a}-{b}-{c}-{d}.html?")
def hostile() -> Case:
    """Backtracking takes time with the fourth power of the path's length; cpkit doesn't."""
    table, path = [("GET", "/{a}-{b}-{c}-{d}.html")], [("/" + "-" * 60, "GET")]
    peers = (OURS, THEIRS, FALCON)
    return Case({name: _over(name, PEERS[name](table), path, True) for name in peers}, THEIRS)


@question("routing", "What does it cost to declare and index 1,000 routes?", counted=False)
def build() -> Case:
    """What an application pays at its start."""
    table, path = shared(1000), "/api/v1/a/res7/b"
    calls = {
        name: lambda make=make: bool(make(table)(path, ENVIRONS["GET"]))
        for name, make in PEERS.items()
        if name != FALCON
    }
    return Case(calls, THEIRS, expected=True)
