"""The marker ``@pytest.mark.cherrypy(…)``: what it can say, checked, and the config it names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest

from cpkit.errors import MarkerError

Config = Mapping[str, object]
_NO_ROOTS = (str, bytes, int, float, Mapping, list, tuple, set)


@dataclass(frozen=True)
class Options:
    """What the markers of a test say; config files are looked for in the folders *beside*.

    *isolation* is None where no marker says anything of it.
    """

    root: object = None
    mount: str = ""
    config: object = ()
    engine: bool = False
    isolation: bool | None = None
    beside: tuple[Path, ...] = ()

    def check(self) -> None:
        """Raise MarkerError for an argument that cannot be what it is."""
        for name in NAMES:
            _check_value(name, getattr(self, name))


NAMES = tuple(each.name for each in fields(Options) if each.name != "beside")
MARKER = (
    "cherrypy(*, root=None, mount='', config={}, engine=False, isolation=True): mount root (an "
    "object, a class or an Application), else what the fixture cp_app returns, at mount; config "
    "holds sections (keys that begin with a slash) of the application and entries of the global "
    "config, or is the name of a file, or a list of both; engine starts CherryPy's, without HTTP."
)


def options_of(item: pytest.Item) -> Options:
    """Return what the markers of *item* say, the closest last; raise MarkerError if one cannot."""
    options = Options(beside=(item.path.parent, item.config.rootpath))
    for marker in reversed(list(item.iter_markers("cherrypy"))):
        _check(marker)
        options = replace(options, **marker.kwargs)
    return options


def _check(marker: pytest.Mark) -> None:
    if marker.args:
        raise MarkerError(f"it takes no positional argument, but has {marker.args[0]!r}", _known())
    for name, value in marker.kwargs.items():
        if name not in NAMES:
            close = difflib.get_close_matches(name, NAMES, 1)
            raise MarkerError(f"it has no argument {name}", _known(*close))
        _check_value(name, value)


def _known(*close: str) -> str:
    return f"Did you mean {close[0]}?" if close else f"Its arguments are {', '.join(NAMES)}."


def _check_value(name: str, value: object) -> None:
    if name == "root" and isinstance(value, _NO_ROOTS):
        remedy = "Give an object whose methods are exposed, its class, or an Application."
    elif name == "mount" and not (isinstance(value, str) and value[:1] in ("", "/")):
        remedy = "Give a path that begins with a slash."
    elif name in ("engine", "isolation") and not isinstance(value, bool | None):
        remedy = "Give True or False."
    else:
        return
    raise MarkerError(f"{name} is {value!r}", remedy)


class Sections:
    """The configuration of a test: *entries* of the global config, and an application's *sections*.

    *given* is a mapping, the name of a file, or a list of both, the last of which counts most.
    """

    def __init__(self, given: object, beside: Iterable[Path] = ()) -> None:
        self.entries: dict[str, object] = {}
        self.sections: dict[str, dict[str, object]] = {}
        for each in given if isinstance(given, list | tuple) else [given]:
            for key, value in _read(each, tuple(beside)):
                self._add(key, value)

    def _add(self, key: object, value: object) -> None:
        if not isinstance(key, str):
            raise MarkerError(f"config has the key {key!r}", "Keys are strings.")
        if key == "global" and isinstance(value, Mapping):
            self.entries.update(value)
        elif isinstance(value, Mapping) and (key.startswith("/") or "." not in key):
            self.sections.setdefault(key, {}).update(value)
        elif key.startswith("/") or key == "global":
            problem = f"config has {value!r} in the section {key}"
            raise MarkerError(problem, "A section holds a dict.")
        else:
            self.entries[key] = value


def _read(given: object, beside: tuple[Path, ...]) -> Iterator[tuple[object, object]]:
    if isinstance(given, Mapping):
        yield from given.items()
    elif isinstance(given, str | Path):
        from cherrypy.lib.reprconf import Parser

        yield from Parser.load(str(_find(Path(given), beside))).items()
    else:
        raise MarkerError(f"config is {given!r}", "Give a dict, the name of a file, or a list.")


def _find(path: Path, beside: tuple[Path, ...]) -> Path:
    tried = [folder / path for folder in (*beside, Path())]
    found = next((each for each in tried if each.is_file()), None)
    if found is None:
        folders = ", ".join(dict.fromkeys(str(each.parent.resolve()) for each in tried))
        raise MarkerError(f"config is {str(path)!r}", f"There is no such file in {folders}.")
    return found
