"""The shape of a route: which segments are fixed, and what the others must satisfy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from .patterns import PatternWarning, facts, warning
from .route import Route
from .segments import Part, check, expression, linear, matcher, plain

# What takes the rest of a path, slashes and all; True where it may be empty.
TAILS = {".*": True, ".*?": True, ".+": False, ".+?": False}
OPTIONAL_ENDS = frozenset("/,;.#")
# What may end the fixed beginning of a segment: ``book-{id}``, ``v1.{part}``.
SEPARATORS = frozenset(".-_~@,;:=+!")
Head = tuple[str, str]  # (separator, what stands before the first)


class Step(NamedTuple):
    """How to read the segment at a position: *kind* is plain, typed or mixed.

    A tail or a typed tail reads all that follows, too. One that is *optional* may be empty.
    """

    kind: str
    at: int
    names: tuple[str, ...]
    test: Any = None
    optional: bool = False

    def alike(self) -> Step:
        """Return what all steps of this kind have in common, whatever they test."""
        return Step(self.kind, self.at, self.names, None, self.optional)


class Shape(NamedTuple):
    """What an index needs to know of the paths of a route.

    *length*: the number of segments (the empty one before the first slash counts), or None if it
    varies. *exact*: fixed segments by position. *heads*: a separator, and what stands before the
    first one in a segment that is otherwise variable. *steps*: how to read the variables; None: by
    the regex of the whole path. *slash*: position 0 stands before the leading slash. *left_out*:
    optional variables that are not in paths of this shape.
    """

    length: int | None
    exact: dict[int, str]
    heads: dict[int, Head]
    steps: tuple[Step, ...] | None
    slash: bool = True
    left_out: tuple[str, ...] = ()

    def below(self, count: int) -> Shape:
        """Return the shape of what follows *count* segments, which are fixed ones."""
        exact = {at - count: text for at, text in self.exact.items() if at >= count}
        heads = {at - count: text for at, text in self.heads.items()}
        # PERF: not _replace(), which takes five times as long.
        steps = tuple(Step(kind, at - count, *rest) for kind, at, *rest in self.steps or ())
        length = self.length and self.length - count
        return Shape(length, exact, heads, steps, slash=False, left_out=self.left_out)


# The shape of a route object that isn't cpkit's: its own match() decides.
UNKNOWN = Shape(None, {}, {}, None)


class Controllers(NamedTuple):
    """What ``{controller}`` may name, as a set and as a regex."""

    names: frozenset[str]
    regex: str

    @classmethod
    def of(cls, names: Sequence[str]) -> Controllers:
        return cls(frozenset(names), "|".join(map(re.escape, names)) or "(?!)")


# In the place of the controllers, while they are not known.
SOME = Controllers.of(["controller"])


def shapes_of(route: Route, controllers: Controllers) -> list[Shape]:
    """Return the shapes of the paths that *route* may match, the fullest first."""
    if route.minimization:
        by_regex = Shape(None, _minimized_prefix(route.routelist), {}, None)
        return _minimized(route, controllers) or [by_regex]
    return [_shape(route, controllers)]


def _shape(route: Route, controllers: Controllers) -> Shape:
    requirements = {**route.reqs, "controller": controllers.regex}
    segments, rest = _split(route.routelist, requirements)
    if segments[0] or len(segments) == 1:
        return Shape(None, {}, {}, None)
    partial = segments.pop() if rest else []
    exact, heads, steps = _read(segments, requirements, controllers.names)
    if not rest:
        return Shape(len(segments), exact, heads, tuple(steps))
    if partial or not _is_tail(rest, requirements):
        return Shape(None, exact, {}, None)
    steps.append(_tail(len(segments), rest[0]["name"], _regex(rest[0], requirements)))
    return Shape(None, exact, {}, tuple(steps))


def _minimized(route: Route, controllers: Controllers) -> list[Shape]:
    """Return the shapes of a minimized route; none if only its regex can tell.

    The last variables that have defaults may be left out, and a slash may follow.
    """
    count = _optional(route)
    requirements = _minimized_requirements(route, controllers)
    if count is None or requirements is None:
        return []
    segments, rest = _split(["/", *route.routelist], requirements)
    if rest:
        return []
    exact, heads, steps = _read(segments, requirements, controllers.names)
    required = len(segments) - count
    fixed = [step for step in steps if step.at < required]
    optional = [step._replace(optional=True) for step in steps if step.at >= required]
    if any(step.test and step.test("") for step in optional):
        return []
    if count > 1 and any(step.names[0] in route.reqs for step in optional):
        return []
    shapes = [Shape(len(segments) + 1, {**exact, len(segments): ""}, heads, (*fixed, *optional))]
    for present in range(count, -1 if required > 1 else 0, -1):
        left_out = tuple(step.names[0] for step in optional[present:])
        steps = [*fixed, *optional[:present]]
        shapes.append(Shape(required + present, exact, heads, tuple(steps), left_out=left_out))
    return shapes


def _optional(route: Route) -> int | None:
    """Return how many variables at the end of a minimized route may be left out.

    None means that a path may also do without what is between them.
    """
    parts: list[Part] = ["/", *route.routelist]
    count, before = 0, ""
    while parts and not isinstance(parts[-1], str) and parts[-1]["name"] in route.defaults:
        before = parts[-2]
        if parts[-1]["type"] != ":" or not isinstance(before, str) or before[-1] != "/":
            return None
        count += 1
        del parts[-2 if before == "/" else -1 :]
    last = parts[-1] if parts else "/"
    if not isinstance(last, str):
        return count
    if not count:
        return None if last[-1] in OPTIONAL_ENDS and len(parts) > 1 else 0
    # What is left is the text before the first of them, and a variable that must be there.
    if len(parts) > 1 and before == "/":
        return None
    required = parts[-2] if len(parts) > 1 else last
    if isinstance(required, str):
        return count if len(parts) <= 2 else None
    return None if required["name"] in route.defaults else count


def _minimized_requirements(route: Route, controllers: Controllers) -> dict[str, str] | None:
    """Return what each variable must match, as Routes reads it in a minimized route.

    Without a requirement, what a variable may hold depends on what follows it.
    """
    if "controller" in route.reqs or str(next(iter(route.routelist), "")).startswith("/"):
        return None
    requirements, regex = {**route.reqs, "controller": controllers.regex}, route.regexp
    for part in route.routelist:
        if isinstance(part, str):
            continue
        if part["type"] == "*":  # its requirement is passed over
            return None
        if part["name"] in requirements:
            continue
        if part["type"] == "." and part is not route.routelist[-1]:
            return None
        found = re.search(rf"\(\?P<{part['name']}>(\[\^[^]]*\]\+\?)\)", regex)
        if found is None or (part["type"] == "." and found[1] != "[^/.]+?"):
            return None
        if part["type"] == ":" and found[1] != "[^/]+?":
            requirements[part["name"]] = found[1]
    return requirements


def _is_tail(rest: Sequence[Part], requirements: dict[str, str]) -> bool:
    """Tell whether *rest* is one variable, which can be judged without what is before it."""
    return len(rest) == 1 and rest[0]["type"] != "." and facts(_regex(rest[0], requirements)).alone


def _tail(at: int, name: str, regex: str) -> Step:
    if regex in TAILS:
        return Step("tail", at, (name,), TAILS[regex])
    return Step("typed tail", at, (name,), check(regex))


def _read_as(route: Route, controllers: Controllers) -> tuple[Sequence[Part], dict[str, str]]:
    """Return the parts of *route* and what its variables must match."""
    if route.minimization:
        return ["/", *route.routelist], _minimized_requirements(route, controllers) or {}
    return route.routelist, {**route.reqs, "controller": controllers.regex}


def pattern_warnings(route: Route) -> Iterator[PatternWarning]:
    """Yield what to say, when *route* is declared, of regexes that may take too long."""
    if not (route.reqs or route.minimization or "*" in route.routepath):
        return
    for regex, variables in _judges(route):
        found = warning(route.routepath, regex, variables=variables)
        if found is not None:
            yield found


def _judges(route: Route) -> Iterator[tuple[str, bool]]:
    """Yield the regexes that judge a path, and whether variables are read from what they match."""
    parts, requirements = _read_as(route, SOME)
    segments, rest = _split(parts, requirements)
    partial = segments[-1] if rest else []
    by_regex = (
        not _minimized(route, SOME) if route.minimization else segments[0] or not segments[1:]
    )
    if by_regex or partial or (rest and not _is_tail(rest, requirements)):
        yield route.unanchored, True
        return
    variables = [[part for part in parts if not isinstance(part, str)] for parts in segments]
    for parts, read in zip(segments, variables, strict=True):
        if len(parts) == len(read) == 1 and parts[0]["type"] != ".":
            yield _regex(parts[0], requirements), False
        elif read and not linear(parts, requirements):
            yield expression(parts, requirements), True
    for part in rest:
        yield _regex(part, requirements), False


def _regex(part: Part, requirements: dict[str, str]) -> str:
    if part["name"] in requirements:
        return requirements[part["name"]] or "[^/]+?"
    return {":": "[^/]+?", ".": "[^/.]+?", "*": ".+?"}[part["type"]]


def _crosses(part: Part, requirements: dict[str, str]) -> bool:
    if part["name"] not in requirements:
        return bool(part["type"] == "*")
    known = facts(_regex(part, requirements))
    return known.crosses or not known.alone


def _split(
    parts: Sequence[Part], requirements: dict[str, str]
) -> tuple[list[list[Part]], list[Part]]:
    """Return the segments of *parts*, and what begins with a variable that may cross slashes."""
    segments: list[list[Part]] = [[]]
    for index, part in enumerate(parts):
        if isinstance(part, str):
            texts = part.split("/")
            if texts[0]:
                segments[-1].append(texts[0])
            segments += [[text] if text else [] for text in texts[1:]]
        elif _crosses(part, requirements):
            return segments, list(parts[index:])
        else:
            segments[-1].append(part)
    return segments, []


def _read(
    segments: Iterable[list[Part]], requirements: dict[str, str], controllers: frozenset[str]
) -> tuple[dict[int, str], dict[int, Head], list[Step]]:
    exact, heads, steps = {}, {}, []
    for at, parts in enumerate(segments):
        first: Part = parts[0] if parts else ""
        if len(parts) < 2 and isinstance(first, str):
            exact[at] = first
        elif len(parts) == 1 and first["type"] != ".":
            steps.append(_step(at, first, requirements, controllers))
        elif all(isinstance(part, str) for part in parts):
            exact[at] = "".join(parts)
        else:
            names = tuple(part["name"] for part in parts if not isinstance(part, str))
            steps.append(Step("mixed", at, names, matcher(parts, requirements)))
            if (head := _head(parts)) is not None:
                heads[at] = head
    del exact[0]  # before the first slash
    return exact, heads, steps


def _step(at: int, part: Part, requirements: dict[str, str], controllers: frozenset[str]) -> Step:
    name = part["name"]
    if name == "controller":
        return Step("typed", at, (name,), controllers.__contains__)
    if plain(part, requirements):
        return _plain_step(at, name)
    return Step("typed", at, (name,), check(requirements[name]))


@lru_cache(maxsize=1024)
def _plain_step(at: int, name: str) -> Step:
    return Step("plain", at, (name,))


def _head(parts: Sequence[Part]) -> Head | None:
    text = parts[0] if isinstance(parts[0], str) else ""
    optional_format = len(parts) == 2 and not isinstance(parts[1], str) and parts[1]["type"] == "."
    if text and optional_format and "." not in text:
        return ".", text
    separator = "." if "." in text else next((char for char in text if char in SEPARATORS), None)
    return (separator, text.partition(separator)[0]) if separator else None


def _minimized_prefix(parts: Sequence[Part]) -> dict[int, str]:
    """Return the segments that every path of a minimized route begins with."""
    text = parts[0] if parts and isinstance(parts[0], str) else ""
    optional = text[-1:] if text[-1:] in OPTIONAL_ENDS else ""
    segments = ("/" + text[: len(text) - len(optional)].removeprefix("/")).split("/")
    if optional != "/" and len(parts) > 1:
        segments.pop()  # more may follow in the same segment
    return {at: segment for at, segment in enumerate(segments) if at and segments != ["", ""]}
