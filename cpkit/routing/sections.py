"""The config of a request: what the code says, and the sections of the config file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Config = Mapping[str, Any]
Sections = dict[str, Config]
Layer = tuple[str, Config]

STATICDIR = "tools.staticdir.dir"


def merged(layers: Sequence[Layer]) -> dict[str, Any]:
    """Merge (section name, config) layers; a later one overrides an earlier one."""
    config: dict[str, Any] = {}
    for _, layer in layers:
        config.update(layer)
    if STATICDIR in config:
        # tools.staticdir asks which section named the directory.
        section = next(name for name, layer in reversed(layers) if STATICDIR in layer)
        config["tools.staticdir.section"] = section
    return config


def prefixes(path: str) -> Iterator[str]:
    """Yield ``/a``, ``/a/b``, ``/a/b/c`` for ``/a/b/c``; ``/a/index`` after ``/a/``."""
    end = path.find("/", 1)
    while end != -1:
        yield path[:end]
        end = path.find("/", end + 1)
    yield path + "index" if path.endswith("/") else path


def along(sections: Sections, path: str, template: tuple[str, ...], depth: int) -> list[Layer]:
    """Return the sections that apply to *path*, the more specific ones later.

    *template* holds the prefixes of the route's template; at each level its section comes
    before the one of the literal path. No level below *depth* is looked at.
    """
    layers = []
    literal = prefixes(path)
    for level in range(depth):
        if level < len(template) and template[level] in sections:
            layers.append((template[level], sections[template[level]]))
        name = next(literal, "")
        if not name and level >= len(template):
            break
        if name in sections and name not in template[level : level + 1]:
            layers.append((name, sections[name]))
    return layers


ROOT = frozenset({"/"})
UNKNOWN: tuple[Any, int, None, int] = (None, 0, None, 0)


class Depths:
    """Remember how deep the sections of each application go, until they change.

    PERF: with no section but ``/``, no request looks for one; and a path of a thousand
    segments costs no more than the deepest section.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Sections, int, str | None, int]] = {}

    def of(self, sections: Sections) -> int:
        """Return the number of levels of the deepest section; ``/`` has none."""
        if sections.keys() <= ROOT:
            return 0
        # NOTE: a new section is always the last key, a removed one changes the length.
        last = next(reversed(sections), None)
        depth: int
        same, size, final, depth = self._known.get(id(sections), UNKNOWN)
        if same is sections and size == len(sections) and final == last:
            return depth
        depth = max(name.count("/") for name in sections if name != "/")
        if len(self._known) >= 64:
            self._known.clear()
        self._known[id(sections)] = (sections, len(sections), last, depth)
        return depth
