"""The function that searches a whole table of routes, compiled for it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from .makers import Around, Form, function, indented, lines

Written = tuple[int, Form, Around]


def searching(
    limit: int, head: str, written: tuple[Written, ...], nodes: tuple[Any, ...], *bound: Any
) -> Callable[..., Any]:
    """Return the function that searches a whole table: (path, environ) -> what its answer says.

    *head* is what all paths begin with. The answers for some lengths are *written* out, each
    looks in its own of *nodes*. *bound* are the trees by length, and *rest*, see above.
    """
    bind = _searcher(limit, bool(head), written)
    search: Callable[..., Any] = bind(head, *bound, *nodes)
    return search


@lru_cache(maxsize=64)
def _searcher(limit: int, headed: bool, written: tuple[Written, ...]) -> Callable[..., Any]:
    # PERF: a look-up is some hundred bytecodes, each call of a Python function costs as much as
    # twenty: so what most paths need stands in one function.
    below = ["path, whole = path.removeprefix(head), path", "if path == whole: return None"]
    body = [*(below if headed else []), f"s = path.split('/', {limit:d})", "n = len(s)"]
    for length, form, around in written:
        answer = lines(form, around, f"n{length:d}")
        body += [f"if n == {length:d}:", *indented(answer)]
    body += ["at, answer, node = trees[n]"]
    body += ["while at is not None: at, answer, node = answer.get(s[at], node)"]
    body += ["return answer(s, environ, node, rest)"]
    nodes = "".join(f", n{length:d}" for length, *_ in written)
    search = ["def search(path, environ):", *indented(body), "return search"]
    return function(f"def made(head, trees, rest{nodes}):", indented(search))
