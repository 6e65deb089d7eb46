"""Functions that check a split path against one shape of route and make its result."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from cpkit.routing.shape import Shape, Step

TESTED = {"typed", "mixed"}
Result = dict[str, Any]
# (the split path, arguments: the defaults to begin with, texts and tests) -> result or None
Maker = Callable[[list[str], tuple[Any, ...]], "Result | None"]
Made = tuple[Maker, tuple[Any, ...]]


def maker(order: int, shape: Shape, defaults: Result, decided: frozenset[int]) -> Made:
    """Return a maker for *shape* and its arguments.

    *order*, the route's place among all, ends the arguments. *decided* are the positions whose
    fixed text the index has compared already.
    """
    steps = shape.steps or ()
    fixed = tuple(at for at in shape.exact if at not in decided)
    names = [name for step in steps for name in step.names]
    template = dict.fromkeys(names)
    template.update(defaults)
    tests = [step.test for step in steps if step.kind in TESTED]
    arguments = (template, *(shape.exact[at] for at in fixed), *tests, order)
    kept = frozenset(filter(defaults.get, names))
    # PERF: what tells routes of one shape apart isn't compiled: a thousand of them share a maker.
    alike = tuple(step._replace(test=None) if step.kind in TESTED else step for step in steps)
    return compiled(fixed, alike, kept), arguments


@lru_cache(maxsize=4096)
def compiled(fixed: tuple[int, ...], steps: tuple[Step, ...], kept: frozenset[str]) -> Maker:
    """Compile the maker of all routes of one shape; only integers and quoted names go into it.

    *kept* are the variables with a default, which an empty value doesn't replace.
    """
    conditions = [f"s[{at:d}] == f[{index}]" for index, at in enumerate(fixed, 1)]
    reads: list[str] = []
    tests: list[str] = []
    writes: list[str] = []
    argument = len(fixed) + 1
    for number, step in enumerate(steps):
        if step.kind == "tail":
            reads.insert(0, f"if len(s) <= {step.at:d}: return None")
        reads.append(_read(number, step))
        if step.kind in TESTED:
            tests.append(_test(number, step, argument))
            argument += 1
        else:
            conditions.append(_condition(number, step))
        writes += _writes(number, step, kept)
    return _function(reads, conditions, tests, writes)


def _function(
    reads: list[str], conditions: list[str], tests: list[str], writes: list[str]
) -> Maker:
    guard = [f"if not ({' and '.join(conditions)}): return None"] if conditions else []
    body = [*reads, *guard, *tests, "d = {**f[0]}", *writes, "return d"]
    namespace: dict[str, Any] = {}
    source = "def make(s, f):\n " + "\n ".join(body)
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
    return newline if step.test else f"v{number} and {newline}"


def _test(number: int, step: Step, argument: int) -> str:
    if step.kind == "typed":
        return f"if not f[{argument}](v{number}): return None"
    return f"m{number} = f[{argument}](v{number})\n if m{number} is None: return None"


def _writes(number: int, step: Step, kept: frozenset[str]) -> list[str]:
    if step.kind == "mixed" and kept.isdisjoint(step.names):
        targets = ", ".join(f"d[{name!r}]" for name in step.names)
        return [f"{targets}, = m{number}"]
    lines = []
    for index, name in enumerate(step.names):
        value = f"m{number}[{index}]" if step.kind == "mixed" else f"v{number}"
        lines.append(f"{f'if {value}: ' if name in kept else ''}d[{name!r}] = {value}")
    return lines


def by_regex(order: int, route: Any, limit: int | None) -> Made:
    """Return a maker that asks the route's own regex."""

    def make(segments: list[str], arguments: tuple[Any, ...]) -> Result | None:
        url = "/".join(segments)
        found = route.regmatch.match(url) if limit is None or len(url) <= limit else None
        if found is None:
            return None
        result = {**arguments[0]}
        for name, value in found.groupdict().items():
            if value or not result.get(name):
                result[name] = value
        return result

    return make, (route.defaults, order)


def unread(order: int) -> Made:
    """Return a maker of nothing, for a route object that makes its own result."""
    return (lambda segments, arguments: {}), ({}, order)
