"""The config of a request: what the code says, and the sections of the config file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .template import Spelling

Config = Mapping[str, Any]
Sections = dict[str, dict[str, Any]]
Layer = tuple[str, Config]
Levels = tuple[tuple[str, ...], ...]  # at each level, the names that its section may have

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


def spellings(template: Spelling) -> Levels:
    """Return the names that the sections along *template* may have, at each level.

    They are those of the template without the regexes of its variables, and as it is written.
    """
    plain = written = ""
    levels: list[tuple[str, ...]] = []
    for before, variable, name in (*template.pieces, (template.template[template.ended :], "", "")):
        *ended, open_ = before.split("/")
        for text in ended:
            plain, written = plain + text, written + text
            levels.append((plain, written) if plain != written else (plain,))
            plain, written = plain + "/", written + "/"
        plain, written = plain + open_ + name, written + open_ + variable
    if plain.endswith("/"):
        plain, written = plain + "index", written + "index"
    levels.append((plain, written) if plain != written else (plain,))
    return tuple(levels[1:])


def along(sections: Sections, path: str, template: Levels, depth: int) -> list[Layer]:
    """Return the sections that apply to *path*, the more specific ones later.

    *template* holds the names of the sections of the route's template; at each level its section
    comes before the one of the literal path. No level below *depth* is looked at.
    """
    layers: list[Layer] = []
    literal = prefixes(path)
    for level in range(depth):
        names = template[level] if level < len(template) else ()
        for name in names:
            if name in sections:
                layers.append((name, sections[name]))
        name = next(literal, "")
        if not name and not names:
            break
        if name in sections and name not in names:
            layers.append((name, sections[name]))
    return layers


ROOT = frozenset({"/"})
UNKNOWN: tuple[Sections | None, int, str | None, int] = (None, 0, None, 0)


class Depths:
    """How deep the sections of each application go, remembered until they change.

    PERF: with no section but ``/``, no request looks for one; and a path of a thousand
    segments costs no more than the deepest section.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[Sections | None, int, str | None, int]] = {}

    def of(self, sections: Sections) -> int:
        """Return the number of levels of the deepest section; ``/`` has none."""
        if sections.keys() <= ROOT:
            return 0
        # NOTE: a new section is always the last key, a removed one changes the length.
        last = next(reversed(sections), None)
        same, size, final, depth = self._known.get(id(sections), UNKNOWN)
        if same is sections and size == len(sections) and final == last:
            return depth
        depth = max(name.count("/") for name in sections if name != "/")
        if len(self._known) >= 64:
            self._known.clear()
        self._known[id(sections)] = (sections, len(sections), last, depth)
        return depth
