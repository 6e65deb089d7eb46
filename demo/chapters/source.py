"""The source of the demo and of cpkit, as pages whose lines can be linked to."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import cherrypy

import cpkit.tools
from cpkit.dispatchers import route

from ..pages import representations

ROOT = Path(__file__).resolve().parents[2]


@cache
def sources() -> dict[str, Path]:
    """Return the files that may be read: Python of the packages and the tests, scripts."""
    found = [
        *ROOT.glob("cpkit/**/*.py"),
        *ROOT.glob("demo/**/*.py"),
        *ROOT.glob("demo/frontend/src/*.jsx"),
        *ROOT.glob("demo/static/tour.js"),
        *ROOT.glob("tests/demo/*.py"),
    ]
    return {path.relative_to(ROOT).as_posix(): path for path in found}


def source_link(thing: Callable[..., Any] | type) -> str:
    """Return the address of the line where a function or a class is written."""
    bare = inspect.unwrap(thing)
    path = Path(inspect.getsourcefile(bare) or "").resolve().relative_to(ROOT)
    return f"/source/{path.as_posix()}#L{inspect.getsourcelines(bare)[1]}"


def line_link(path: str, text: str) -> str:
    """Return the address of the first line of a source that has *text* in it."""
    lines = sources()[path].read_text(encoding="utf-8").splitlines()
    return f"/source/{path}#L{next(n for n, line in enumerate(lines, 1) if text in line)}"


class Source:
    """A file of source."""

    @route("/source/{path:.+}", methods=["GET"], name="source")
    @cpkit.tools.accept(media=representations("source"))
    def GET(self, path: str) -> dict[str, Any]:  # noqa: N802
        """Show the file; only a name from the list of sources is ever opened."""
        file = sources().get(path)
        if file is None:
            raise cherrypy.HTTPError(404, f"There is no source {path}.")
        return {"path": path, "lines": file.read_text(encoding="utf-8").splitlines()}
