"""Functions that check a split path against one shape of route and make its result."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from cpkit.routing.shape import Shape, Step

Result = dict[str, Any]
# (the split path, the defaults to begin with, texts and tests in order) -> result or None
Maker = Callable[[list[str], Result, tuple[Any, ...]], "Result | None"]


def maker(
    order: int, shape: Shape, defaults: Result, decided: frozenset[int]
) -> tuple[Maker, Result, tuple[Any, ...]]:
    """Return a maker for *shape* and its last two arguments.

    *order*, the route's place among all, ends the arguments. *decided* are the positions whose
    fixed text the index has compared already.
    """
    steps = shape.steps or ()
    fixed = tuple(at for at in shape.exact if at not in decided)
    names = [name for step in steps for name in step.names]
    template = dict(dict.fromkeys(names) | defaults)
    kept = frozenset(name for name in names if defaults.get(name))
    tests = [step.test for step in steps if step.kind in ("typed", "mixed")]
    arguments = (*(shape.exact[at] for at in fixed), *tests, order)
    make = compiled(fixed, tuple(step._replace(test=_traits(step, kept)) for step in steps))
    return make, template, arguments


def _traits(step: Step, kept: frozenset[str]) -> Any:
    """Return what of a step shapes the code: names with a default, and a tail's emptiness."""
    return tuple(name in kept for name in step.names), step.kind == "tail" and step.test


@lru_cache(maxsize=4096)
def compiled(fixed: tuple[int, ...], steps: tuple[Step, ...]) -> Maker:
    """Compile the maker of all routes of one shape; only integers and quoted names go into it."""
    conditions = [f"s[{at:d}] == f[{index}]" for index, at in enumerate(fixed)]
    reads: list[str] = []
    tests: list[str] = []
    writes: list[str] = []
    argument = len(fixed)
    for number, step in enumerate(steps):
        if step.kind == "tail":
            reads.insert(0, f"if len(s) <= {step.at:d}: return None")
        reads.append(_read(number, step))
        if step.kind in ("typed", "mixed"):
            tests.append(_test(number, step, argument))
            argument += 1
        else:
            conditions.append(_condition(number, step))
        writes += _writes(number, step)
    return _function(reads, conditions, tests, writes)


def _function(
    reads: list[str], conditions: list[str], tests: list[str], writes: list[str]
) -> Maker:
    guard = [f"if not ({' and '.join(conditions)}): return None"] if conditions else []
    body = [*reads, *guard, *tests, "d = {**t}", *writes, "return d"]
    namespace: dict[str, Any] = {}
    source = "def make(s, t, f):\n " + "\n ".join(body)
    # PERF: twice as fast as a loop over steps; see the module's docstring for what goes in.
    exec(source, namespace)  # noqa: S102
    made: Maker = namespace["make"]
    return made


def _read(number: int, step: Step) -> str:
    if step.kind == "tail":
        return f"v{number} = '/'.join(s[{step.at:d}:])"
    return f"v{number} = s[{step.at:d}]"


def _condition(number: int, step: Step) -> str:
    if step.kind != "tail":
        return f"v{number}"
    newline = f"'\\n' not in v{number}"
    return newline if step.test[1] else f"v{number} and {newline}"


def _test(number: int, step: Step, argument: int) -> str:
    if step.kind == "typed":
        return f"if not f[{argument}](v{number}): return None"
    return f"m{number} = f[{argument}](v{number})\n if m{number} is None: return None"


def _writes(number: int, step: Step) -> list[str]:
    lines = []
    for index, (name, kept) in enumerate(zip(step.names, step.test[0], strict=True)):
        value = f"m{number}[{index}]" if step.kind == "mixed" else f"v{number}"
        lines.append(f"{f'if {value}: ' if kept else ''}d[{name!r}] = {value}")
    return lines


def by_regex(order: int, route: Any, limit: int | None) -> tuple[Maker, Result, tuple[Any, ...]]:
    """Return a maker that asks the route's own regex."""

    def make(segments: list[str], defaults: Result, _: tuple[Any, ...]) -> Result | None:
        url = "/".join(segments)
        found = route.regmatch.match(url) if limit is None or len(url) <= limit else None
        if found is None:
            return None
        result = {**defaults}
        for name, value in found.groupdict().items():
            if value or not result.get(name):
                result[name] = value
        return result

    return make, route.defaults, (order,)
