"""Functions compiled for routes of one shape: they check a split path and make the result.

Three kinds share what is in their middle (:func:`lines`): a maker tries one route, an answer
also finds its record in a leaf of the tree, and the search of a table holds the answers for
the most common lengths of path.

PERF: a look-up is some hundred bytecodes, and each call of a Python function costs as much as
twenty; compiled, it takes half the time of a loop over steps. Only integers and quoted names of
variables go into the source, never the text of a path. A traceback shows the source.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable
from functools import lru_cache
from sys import intern
from types import FunctionType
from typing import Any, NamedTuple

from .conditions import Environ
from .patterns import Fullmatch, TooLong, fullmatch
from .route import AnyRoute, Route
from .shape import Shape, Step

TESTED = {"typed", "mixed", "typed tail"}
TAILS = {"tail", "typed tail"}
Result = dict[str, Any]
Found = tuple[Result, Any]  # (variables and defaults, the route)
# What a function is to compare, test and put into the result; the route is the last.
Arguments = tuple[Any, ...]
Maker = Callable[[list[str], Arguments], "Result | None"]
# (the split path, the environ, what is left) -> the answer of what a leaf doesn't decide; without
# what is left, it is looked for again.
Rest = Callable[..., "Found | None"]
# (the split path, the environ, what a leaf looks in, rest) -> the answer.
Answer = Callable[[list[str], "Environ | None", Any, Rest], "Found | None"]


class Form(NamedTuple):
    """What is compiled of a route, and shared by all routes of its shape.

    *length* and *slash* are the shape's; *fixed* are the positions whose text is yet to be
    compared; *kept* the variables with a default, which an empty value doesn't replace;
    *others* what is in the result beside the variables.
    """

    length: int | None
    slash: bool
    fixed: tuple[int, ...]
    steps: tuple[Step, ...]
    kept: tuple[str, ...]
    others: tuple[str, ...]


class Around(NamedTuple):
    """What stands around the checks of a form, in the source of a function.

    *probe* is the position of the segment by which to look up *node*, or None. *begin* are
    the next lines, *arguments* is where the form's arguments are, *demands* what else to check.
    """

    parameters: str
    probe: int | None
    begin: tuple[str, ...]
    arguments: str
    demands: tuple[str, ...]
    refuse: str
    result: str


class Compiled(NamedTuple):
    """What a function was compiled of, and what tries one route of the form."""

    form: Form
    around: Around
    make: Maker


MAKE = Around("s, f", None, (), "{}, = f", (), "None", "{}")
# An answer looks in *node*, and asks *rest* where it has none itself.
REFUSE = "rest(s, environ, None)"
ANY_METHOD = Around("s, environ, node, rest", None, (), "{}, = node", (), REFUSE, "{}, route")
TRY_METHOD = "try: method = environ['REQUEST_METHOD']"
NO_METHOD = "except (KeyError, TypeError): return rest(s, environ)"
ONE_METHOD = ANY_METHOD._replace(
    begin=(TRY_METHOD, NO_METHOD), arguments="asked, {}, = node", demands=("method == asked",)
)
LOOK_UP = "node = node.get(method)", f"if node is None: return {REFUSE}"
BY_METHOD = ANY_METHOD._replace(begin=(TRY_METHOD, NO_METHOD, *LOOK_UP))


def formed(route: Route, shape: Shape, decided: frozenset[int]) -> tuple[Form, Arguments]:
    """Return the form of a route of *shape*, and the arguments that its functions take.

    *decided* are the positions whose fixed text the index has compared already.
    """
    steps, defaults = shape.steps or (), route.defaults
    fixed = tuple([at for at in shape.exact if at not in decided])
    names = [name for step in steps for name in step.names]
    kept = tuple(filter(defaults.get, names))
    others = {name: value for name, value in defaults.items() if name not in names}
    for name in shape.left_out:
        others[name] = defaults.get(name) or None
    tests = [step.test for step in steps if step.kind in TESTED]
    texts = [intern(shape.exact[at]) for at in fixed]  # PERF: many routes keep the same.
    # PERF: what tells routes of one shape apart isn't compiled: a thousand of them share a maker.
    alike = tuple([step.alike() if step.kind in TESTED else step for step in steps])
    form = Form(shape.length, shape.slash, fixed, alike, kept, tuple(others))
    return form, (*texts, *tests, *map(defaults.get, kept), *others.values(), route)


@lru_cache(maxsize=4096)
def compiled(form: Form, around: Around) -> Callable[..., Any]:
    """Compile what all routes of one form share."""
    made = function(f"def made({around.parameters}):", indented(lines(form, around)))
    make = made if around is MAKE else compiled(form, MAKE)
    vars(made).update(compiled=Compiled(form, around, make), probe=around.probe)
    return made


@lru_cache(maxsize=4096)
def answering(make: Maker, around: Around) -> Answer | None:
    """Return the answer of the form that *make* was compiled of, if it was."""
    made = form_of(make)
    return None if made is None else compiled(made.form, around)


def form_of(function: Callable[..., Any]) -> Compiled | None:
    """Return what *function* was compiled of, if it was."""
    found: Compiled | None = getattr(function, "compiled", None)
    return found


def lines(form: Form, around: Around, node: str = "node") -> list[str]:
    """Return the source of a function for *form*; only integers and quoted names go into it."""
    begin, at = _begin(form, around, node)
    names = [f"f{index}" for index in range(len(form.fixed))]
    checks = [f"{at(place)} == {name}" for place, name in zip(form.fixed, names, strict=True)]
    checks += [*around.demands, *([f"not {at(0)}"] if form.slash else ())]
    tests: list[str] = []
    result: dict[str, str] = {}
    for number, step in enumerate(form.steps):
        value = at(step.at)
        if step.kind in TAILS:
            value = f"v{number}"
            begin.append(f"if len(s) <= {step.at:d}: return {around.refuse}")
            begin.append(f"{value} = '/'.join(s[{step.at:d}:])")
        if step.kind in TESTED:
            names.append(f"t{number}")
            tests += _test(number, step, value, around.refuse)
        elif not step.optional:
            checks.append(_condition(step, value))
        result |= _values(number, step, value)
    for number, name in enumerate((*form.kept, *form.others)):
        names.append(f"c{number}")
        result[name] = f"{result[name]} or c{number}" if name in form.kept else f"c{number}"
    made = "{" + ", ".join(f"{name!r}: {value}" for name, value in result.items()) + "}"
    unpack = around.arguments.format(", ".join([*names, "route"]))
    guard = [f"if not ({' and '.join(checks)}): return {around.refuse}"] if checks else []
    return [*begin, unpack, *guard, *tests, f"return {around.result.format(made)}"]


def indented(body: Iterable[str]) -> list[str]:
    """Return lines as the body of what stands above them."""
    return [" " + line for line in body]


def _begin(form: Form, around: Around, node: str) -> tuple[list[str], Callable[[int], str]]:
    """Return the first lines of a function, and what gives the segment at a position in it."""
    begin: list[str] = []
    at: Callable[[int], str] = "s[{:d}]".format
    if form.length is not None:  # PERF: to take a list apart is cheaper than to take from it.
        begin.append("".join(f"s{at:d}, " for at in range(form.length)) + "= s")
        at = "s{:d}".format
    if around.probe is not None:
        begin.append(f"node = {node}.get({at(around.probe)})")
        begin.append(f"if node is None: return {around.refuse}")
    elif node != "node":
        begin.append(f"node = {node}")
    return [*begin, *around.begin], at


def function(first: str, body: Iterable[str]) -> FunctionType:
    """Compile a function called ``made``, of which a traceback can show the source."""
    source = "\n".join([first, *body, ""])
    name = f"<cpkit.routing {hash(source):x}>"
    linecache.cache[name] = len(source), None, source.splitlines(keepends=True), name
    namespace: dict[str, Any] = {"TooLong": TooLong}
    exec(compile(source, name, "exec"), namespace)  # noqa: S102
    made: FunctionType = namespace["made"]
    return made


def _condition(step: Step, value: str) -> str:
    if step.kind != "tail":
        return value
    newline = f"'\\n' not in {value}"
    return newline if step.test else f"{value} and {newline}"


def _test(number: int, step: Step, value: str, refuse: str) -> list[str]:
    if step.kind != "mixed":
        unless_empty = f"{value} and " if step.optional else ""
        return [f"if {unless_empty}not t{number}({value}): return {refuse}"]
    return [f"m{number} = t{number}({value})", f"if m{number} is None: return {refuse}"]


def _values(number: int, step: Step, value: str) -> dict[str, str]:
    """Return what the variables of a step are, in source."""
    if step.kind == "mixed":
        return {name: f"m{number}[{index}]" for index, name in enumerate(step.names)}
    return {step.names[0]: f"{value} or None" if step.optional else value}


def by_regex(route: Route) -> tuple[Maker, Arguments]:
    """Return a maker that asks the route's own regex, and its arguments. It may raise TooLong."""
    test: Fullmatch | None = None
    defaults = route.defaults

    def make(segments: list[str], arguments: Arguments) -> Result | None:
        nonlocal test
        # PERF: only now, since a table of a thousand such routes takes a second to compile.
        test = test or fullmatch(route.unanchored)
        found = test("/".join(segments))
        if found is None:
            return None
        result = {**defaults}
        for name, value in found.groupdict().items():
            if value or not result.get(name):
                result[name] = value
        return result

    return make, (route,)


def unread(route: AnyRoute) -> tuple[Maker, Arguments]:
    """Return a maker of nothing, for a route object that makes its own result."""
    return (lambda segments, arguments: {}), (route,)


Written = tuple[int, Form, Around]


def searching(
    limit: int, head: str, written: tuple[Written, ...], nodes: tuple[Any, ...], *bound: Any
) -> Callable[..., Any]:
    """Return the function that searches a whole table: (path, environ) -> what its answer says.

    *head* is what all paths begin with. For some lengths the code is *written* out; each looks
    in its own of *nodes*. *bound* holds the trees of all lengths, and *rest* (see above).
    """
    search = _searcher(limit, bool(head), written)
    names = ("head", "trees", "rest", *(f"n{length:d}" for length, *_ in written))
    # PERF: what is global is looked up where it is used, what is in a closure copied at each call.
    # The code is copied, since the interpreter notes in it where its globals are.
    known = dict(zip(names, (head, *bound, *nodes), strict=True))
    return FunctionType(search.__code__.replace(), {**search.__globals__, **known}, "search")


@lru_cache(maxsize=64)
def _searcher(limit: int, headed: bool, written: tuple[Written, ...]) -> FunctionType:
    # PERF: a look-up is some hundred bytecodes, each call of a Python function costs as much as
    # twenty: so what most paths need stands in one function.
    below = ["path, whole = path.removeprefix(head), path", "if path == whole: return None"]
    body = [*(below if headed else []), f"s = path.split('/', {limit:d})"]
    length_of = "n" if written else "len(s)"
    body += ["n = len(s)"] if written else []
    for length, form, around in written:
        answer = lines(form, around, f"n{length:d}")
        body += [f"if n == {length:d}:", *indented(answer)]
    body += [f"at, answer, node = trees[{length_of}]"]
    body += ["while at is not None: at, answer, node = answer.get(s[at], node)"]
    body += ["return answer(s, environ, node, rest)"]
    # NOTE: what is too long to be judged is not found, whatever is declared later.
    return function(
        "def made(path, environ):",
        indented(["try:", *indented(body), "except TooLong: return None"]),
    )
